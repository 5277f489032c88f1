import { StorageError } from '../engine.ts'
import type { DiskLog } from './disk-log.ts'
import { DELETED_SUFFIX } from './file-names.ts'
import type { LogServices } from './log-services.ts'
import { producersBefore } from './producer-replay.ts'
import { damaged, LogSegment } from './segment.ts'
import { rebuildAborted } from './transaction-index.ts'

export const isCorrupt = (fault: unknown): fault is StorageError =>
  fault instanceof StorageError && fault.code === 'CORRUPT'

/**
 * Makes the indexes of the closed segment that the fault is about again, and puts it in the old one's place. Throws what damage it finds in the log
 * itself, which nothing here can mend; the active segment's indexes are this process's own work and are not doubted.
 */
export const repairIndexes = (services: LogServices, log: DiskLog, fault: StorageError): Promise<void> =>
  log.restructure(() => makeIndexesAgain(services, log, fault))

async function makeIndexesAgain(services: LogServices, log: DiskLog, fault: StorageError): Promise<void> {
  if (!isCorrupt(fault)) throw fault
  const broken = log.segments.find(segment => fault.path?.startsWith(segment.log.path.slice(0, -'.log'.length)))
  if (broken === undefined || broken === log.activeSegment) throw fault
  services.logger.warn('index is made again', { reason: fault.message })
  const { folder, baseOffset, sizeBytes, createdMs } = broken
  const fresh = new LogSegment(services.files, folder, { baseOffset, sizeBytes, createdMs })
  fresh.hasTransactionIndex = broken.hasTransactionIndex
  if (!fault.path?.endsWith('.txnindex')) fresh.transactionSum = broken.transactionSum
  else await rebuildAborted(fresh, await producersBefore(services, log, broken))
  const goodEnd = await fresh.rebuild({ depth: 'headers', indexIntervalBytes: log.config.indexIntervalBytes })
  if (goodEnd !== sizeBytes) throw damaged(fresh, goodEnd)
  const at = log.segments.indexOf(broken)
  if (at < 0) return
  broken.close()
  log.segments[at] = fresh
  await log.saveIndexSums()
  log.settle([fresh])
}

/** It is about a segment that left the log while it was read: another one has its place. */
const isOfRemoved = (fault: StorageError): boolean => fault.path?.endsWith(DELETED_SUFFIX) === true

/** Runs what reads the log; an index that turns out not to fit is made again, each segment's once. */
export async function withRepairs<T>(
  services: LogServices,
  log: DiskLog,
  run: () => T | Promise<T>,
  firstFault?: unknown,
): Promise<T> {
  const repaired = new Set<string>()
  let fault = firstFault
  for (;;) {
    if (fault !== undefined) {
      if (!(fault instanceof StorageError) || repaired.has(fault.path ?? '')) throw fault
      repaired.add(fault.path ?? '')
      if (!isOfRemoved(fault)) await repairIndexes(services, log, fault)
    }
    try {
      return await run()
    } catch (next) {
      fault = next
    }
  }
}
