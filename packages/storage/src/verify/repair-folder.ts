/** Check, plan, show, and only then act: on a data folder that is held from the first to the last. */
import type { FileSystem } from '../file-system.ts'
import { checkHeldFolder, type FolderCheckOptions, holdFolder } from './folder-check.ts'
import { repairFolderFiles, repairPartition } from './repair.ts'
import { type PlannedStep, planFolderRepair, planRepair, type RepairPlan } from './repair-plan.ts'

export interface FolderRepair {
  readonly plans: readonly RepairPlan[]
  /** Of the data folder's own files. */
  readonly steps: readonly PlannedStep[]
}

export interface FolderRepairOptions extends FolderCheckOptions {
  /** Told everything before anything is changed; false leaves it at that. */
  readonly mayAct: (repair: FolderRepair) => boolean
}

/** `in use` where a broker has the folder: it is to be stopped first. */
export async function repairFolder(
  fs: FileSystem,
  folder: string,
  options: FolderRepairOptions,
): Promise<FolderRepair | 'in use'> {
  const held = holdFolder(fs, folder)
  if (held === 'taken') return 'in use'
  try {
    const { problems, partitions } = await checkHeldFolder(fs, folder, { ...options, isRunning: false })
    const plans = partitions.filter(({ problemCount }) => problemCount > 0).map(planRepair)
    const ownFiles = planFolderRepair(problems)
    // A partition's plan names checkpoints that are shared by all.
    const lowered = plans.flatMap(({ steps }) => steps.filter(({ step }) => step.kind === 'lower'))
    const repair = { plans, steps: ownFiles }
    if (!options.mayAct(repair)) return repair
    const ends = new Map<string, number>()
    for (const plan of plans) await repairPartition(fs, plan, ends)
    await repairFolderFiles(fs, [...ownFiles, ...lowered], ends)
    return repair
  } finally {
    held?.release()
  }
}
