import type { DiskLog } from '../log/disk-log.ts'
import type { CheckpointName } from './data-folder.ts'

/** What of a log stands in each checkpoint file. Undefined: it has no line there. */
export const checkpointed: Record<CheckpointName, (log: DiskLog) => number | undefined> = {
  'recovery-point-offset-checkpoint': log => log.flusher.recoveryPoint,
  // Also where it is the first segment's begin: a power cut may bring back segments that retention removed.
  'log-start-offset-checkpoint': log => (log.logStartOffset > 0 ? log.logStartOffset : undefined),
  'replication-offset-checkpoint': log => log.highWatermark,
  'cleaner-offset-checkpoint': log => log.cleanedUpTo,
}
