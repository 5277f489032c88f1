/** What is known of partitions before they are opened: from the checkpoints of a data folder, or from the leader before. */
import type { Logger } from '@millrace/base'
import type { LeaderTerm } from '../engine.ts'
import type { KnownOffsets } from '../log/log-loader.ts'
import type { DataFolder } from './data-folder.ts'
import type { KnownCheckpoints } from './unopened-partitions.ts'

export interface FolderKnowledge {
  readonly isClean: boolean
  readonly recoveryPoints: ReadonlyMap<string, number>
  readonly logStarts: ReadonlyMap<string, number>
  readonly cleanedUpTo: ReadonlyMap<string, number>
}

/** Of a partition that is made now. */
export const NEW_FOLDER: FolderKnowledge = {
  isClean: true,
  recoveryPoints: new Map(),
  logStarts: new Map(),
  cleanedUpTo: new Map(),
}
/** Of a folder that was there before the topic was: somebody put it there, and it is checked whole. */
export const UNKNOWN_FOLDER: FolderKnowledge = { ...NEW_FOLDER, isClean: false }

export async function knowledgeOf(data: DataFolder, logger: Logger): Promise<FolderKnowledge> {
  return { isClean: await data.takeCleanMarker(), ...checkpointsIn(data, logger) }
}

export function checkpointsIn(data: DataFolder, logger: Logger): Omit<FolderKnowledge, 'isClean'> {
  return {
    recoveryPoints: data.readCheckpoint('recovery-point-offset-checkpoint', logger),
    logStarts: data.readCheckpoint('log-start-offset-checkpoint', logger),
    cleanedUpTo: data.readCheckpoint('cleaner-offset-checkpoint', logger),
  }
}

/** As the checkpoint files have it, for as long as a partition is not open. */
export function checkpointsOf(
  known: ReadonlyMap<DataFolder, FolderKnowledge>,
): ReadonlyMap<DataFolder, KnownCheckpoints> {
  return new Map(
    [...known].map(([data, { recoveryPoints, logStarts, cleanedUpTo }]) => [
      data,
      {
        'recovery-point-offset-checkpoint': recoveryPoints,
        'log-start-offset-checkpoint': logStarts,
        'cleaner-offset-checkpoint': cleanedUpTo,
      },
    ]),
  )
}

type Offsets = Pick<KnownOffsets, 'recoveryPoint' | 'logStartOffset' | 'cleanedUpTo'>

/** The checkpoint and the leader before may both know: none of their offsets ever goes back, so the further one holds. */
export function offsetsOf(known: FolderKnowledge, name: string, term: LeaderTerm | undefined): Offsets {
  const { recoveryPoint, logStartOffset, cleanedUpTo } = parseHandover(term?.handover ?? '')
  const cleaned = Math.max(known.cleanedUpTo.get(name) ?? -1, cleanedUpTo ?? -1)
  return {
    recoveryPoint: Math.max(known.recoveryPoints.get(name) ?? 0, recoveryPoint),
    logStartOffset: Math.max(known.logStarts.get(name) ?? 0, logStartOffset),
    cleanedUpTo: cleaned < 0 ? undefined : cleaned,
  }
}

export const formatHandover = ({ recoveryPoint, logStartOffset, cleanedUpTo }: Offsets): string =>
  JSON.stringify([recoveryPoint, logStartOffset, cleanedUpTo ?? -1])

/** Nothing is known where it makes no sense. */
function parseHandover(text: string): Offsets {
  const numbers = text === '' ? [] : text.replaceAll(/[[\]]/g, '').split(',').map(Number)
  const [recoveryPoint = 0, logStartOffset = 0, cleaned = -1] = numbers.every(Number.isSafeInteger) ? numbers : []
  return { recoveryPoint, logStartOffset, cleanedUpTo: cleaned < 0 ? undefined : cleaned }
}
