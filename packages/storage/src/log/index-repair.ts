import { StorageError } from '../engine.ts'
import type { DiskLog } from './disk-log.ts'
import type { LogServices } from './log-services.ts'
import { damaged, LogSegment } from './segment.ts'

export const isCorrupt = (fault: unknown): fault is StorageError =>
  fault instanceof StorageError && fault.code === 'CORRUPT'

/**
 * Makes the indexes of a closed segment again and puts it in the old one's place. Throws what damage it finds in the log itself, which nothing here can mend;
 * the active segment's indexes are this process's own work and are not doubted.
 */
export async function repairIndexes(services: LogServices, log: DiskLog, offset: number): Promise<void> {
  const index = log.segments.findLastIndex(segment => segment.baseOffset <= offset)
  const broken = log.segments[Math.max(0, index)]
  if (broken === undefined || broken === log.activeSegment)
    throw new StorageError('CORRUPT', `the active segment of ${log.name} cannot be read at offset ${offset}`)
  services.logger.warn('index is made again', { log: broken.log.path })
  const { folder, baseOffset, sizeBytes, createdMs } = broken
  const fresh = new LogSegment(services.files, folder, { baseOffset, sizeBytes, createdMs })
  fresh.hasTransactionIndex = broken.hasTransactionIndex
  const { indexIntervalBytes } = log.config
  const goodEnd = await fresh.rebuild({ depth: 'headers', indexIntervalBytes })
  if (goodEnd !== sizeBytes) throw damaged(fresh, goodEnd)
  const at = log.segments.indexOf(broken)
  if (at < 0) return
  broken.close()
  log.segments[at] = fresh
  log.settle([fresh])
}
