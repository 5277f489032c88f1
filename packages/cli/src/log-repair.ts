/** `millrace log repair`: shows the plan, and follows it only when told to. Exit status 1 while something is to be done, or cannot be. */
import { readdirSync } from 'node:fs'
import { type FolderRepair, nodeFileSystem, partitionOfFolder, repairFolder } from '@millrace/storage'
import type { LogRepairOptions } from './commands/log.ts'
import { compactedBy, DEFAULT_DIR, existingFolder, refuseUnknown, wantedBy } from './log-verify.ts'
import { CliError } from './shared/cli-error.ts'
import type { Session } from './shared/session.ts'
import { plural } from './shared/units.ts'

interface Row {
  readonly path: string
  readonly action: string
  readonly says: string
}

export async function logRepair(
  { out, signal }: Session,
  partitions: readonly string[],
  { dir = [DEFAULT_DIR], execute }: Partial<LogRepairOptions>,
): Promise<number> {
  const isWanted = wantedBy(partitions)
  const isCompacted = compactedBy(dir)
  const all: Row[] = []
  const folders = dir.map(existingFolder)
  // A name that is misspelt must not be answered with "no problems".
  refuseUnknown(partitions, folders.flatMap(partitionsIn), folders)
  for (const folder of folders) {
    const mayAct = (repair: FolderRepair): boolean => {
      const rows = rowsOf(repair)
      all.push(...rows)
      // Before anything is changed, and one by one: whoever reads this has it even when the next step fails.
      if (out.form === 'table') for (const { path, says } of rows) out.print(`${path}: ${says}\n`)
      return execute === true
    }
    const repair = await repairFolder(nodeFileSystem, folder, { isWanted, isCompacted, signal, mayAct })
    if (repair === 'in use')
      throw new CliError(`the data folder ${folder} is in use by another process`, { hint: 'stop the broker first' })
    if (repair.plans.some(({ isPartial }) => isPartial))
      out.warn('there is more damage than one round takes: repair again afterwards')
  }
  const left = all.filter(({ action }) => action === 'nothing').length
  if (out.form === 'json') out.json({ executed: execute === true, steps: all })
  if (all.length === 0) out.note('no problems: there is nothing to do')
  else if (execute === true) out.note(`${plural(all.length - left, 'step')} done`)
  else out.note(`${plural(all.length - left, 'step')} to do; nothing was changed: --execute does it`)
  return all.length === 0 || (execute === true && left === 0) ? 0 : 1
}

const partitionsIn = (folder: string) => readdirSync(folder).flatMap(name => partitionOfFolder(name) ?? [])

const rowsOf = ({ plans, steps }: FolderRepair): Row[] =>
  [...plans.flatMap(plan => plan.steps), ...steps].map(({ step, says }) => ({
    path: step.path,
    action: step.kind,
    says,
  }))
