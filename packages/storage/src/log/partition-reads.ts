/** One read request over several partitions: the tail in memory where it reaches, else segments; a promise only where a large read needs one. */
import type { LogRefusal, MaybePromise, PartitionLog, ReadBudget, ReadEntry, ReadOutcome } from '../engine.ts'
import { StorageError } from '../engine.ts'
import { refusal } from './admission.ts'
import { DiskLog } from './disk-log.ts'
import { isCorrupt, withRepairs } from './index-repair.ts'
import { type BatchRun, type ReadRange, readSegments, type SegmentRead } from './log-reader.ts'
import type { LogServices } from './log-services.ts'
import { readableEnd, refusedRead } from './offset-range.ts'
import { type Allowance, allowsNothing, BudgetMeter } from './read-budget.ts'
import { abortedIn } from './transaction-index.ts'

export interface LogReads {
  readonly entries: readonly ReadEntry[]
  readonly budget: ReadBudget
  readonly logOf: (partition: PartitionLog) => DiskLog | LogRefusal
}

const NO_RECORDS: BatchRun = { records: [], bytes: 0, nextOffset: 0 }

export function readLogs(services: LogServices, reads: LogReads): MaybePromise<readonly ReadOutcome[]> {
  const meter = new BudgetMeter(reads.budget)
  const outcomes: ReadOutcome[] = []
  for (const entry of reads.entries) {
    const outcome = readOne(services, reads, { entry, allowance: meter.allowance(entry.maxBytes) })
    if (outcome instanceof Promise) return readRest(services, reads, { outcomes, meter, outcome })
    outcomes.push(outcome)
    if (outcome.kind === 'read') meter.spend(outcome.bytes)
  }
  return outcomes
}

/** The budget of a partition depends on what those before it took, so they are read one after the other. */
async function readRest(
  services: LogServices,
  reads: LogReads,
  begun: { readonly outcomes: ReadOutcome[]; readonly meter: BudgetMeter; readonly outcome: Promise<ReadOutcome> },
): Promise<readonly ReadOutcome[]> {
  const { outcomes, meter } = begun
  let outcome = await begun.outcome
  for (;;) {
    outcomes.push(outcome)
    if (outcome.kind === 'read') meter.spend(outcome.bytes)
    const entry = reads.entries[outcomes.length]
    if (entry === undefined) return outcomes
    outcome = await readOne(services, reads, { entry, allowance: meter.allowance(entry.maxBytes) })
  }
}

interface OneRead {
  readonly entry: ReadEntry
  readonly allowance: Allowance
}

function readOne(services: LogServices, reads: LogReads, { entry, allowance }: OneRead): MaybePromise<ReadOutcome> {
  const log = reads.logOf(entry.partition)
  if (!(log instanceof DiskLog)) return { ...log, highWatermark: -1, logStartOffset: -1 }
  const refused = log.outOfService ?? refusedRead(log, entry.offset)
  if (refused !== undefined) return refusedWith(log, refused)
  const end = readableEnd(log, entry.isolation)
  if (entry.offset >= end || allowsNothing(allowance)) return outcomeOf(log, entry, NO_RECORDS)
  const inMemory = log.tail.read(entry.offset, end, { allowance, blocks: services.readBlocks })
  const range = {
    offset: entry.offset,
    end,
    isWholeLog: end === log.logEndOffset,
    allowance,
    syncReadBytesMax: services.readPace.syncBytesMax,
    blocks: services.readBlocks,
  }
  try {
    if (inMemory !== undefined) return outcomeOf(log, entry, inMemory)
    const read = services.readPace.timed(() => readSegments(log.segments, range, log.readPlace))
    if (!(read instanceof Promise)) return finish(log, entry, read)
    return read
      .then(run => finish(log, entry, run))
      .catch((fault: unknown) => mend(services, { log, entry, range, fault }))
  } catch (fault) {
    return mend(services, { log, entry, range, fault })
  }
}

function finish(log: DiskLog, entry: ReadEntry, read: SegmentRead): ReadOutcome {
  if (read.place !== undefined) log.readPlace = read.place
  return outcomeOf(log, entry, read)
}

/** An index that does not fit is made again and the read tried once more. Damage in the log itself is told to the reader and the operator. */
async function mend(
  services: LogServices,
  read: { readonly log: DiskLog; readonly entry: ReadEntry; readonly range: ReadRange; readonly fault: unknown },
): Promise<ReadOutcome> {
  const { log, entry, range } = read
  try {
    const again = async () => finish(log, entry, await readSegments(log.segments, range, undefined))
    return await withRepairs(services, log, again, read.fault)
  } catch (fault) {
    if (!(fault instanceof StorageError)) throw fault
    services.logger.error('read failed', { partition: log.name, offset: entry.offset, reason: fault.message })
    const message = `${log.name} cannot be read at offset ${entry.offset}: ${fault.message}`
    return refusedWith(log, refusal(isCorrupt(fault) ? 'CORRUPT_MESSAGE' : 'KAFKA_STORAGE_ERROR', message))
  }
}

function outcomeOf(log: DiskLog, entry: ReadEntry, run: BatchRun): ReadOutcome {
  const { records, bytes, lease } = run
  const { highWatermark, lastStableOffset, logStartOffset } = log
  const abortedTransactions =
    entry.isolation === 'read_committed' && bytes > 0
      ? abortedIn(segmentsFrom(log, entry.offset), { from: entry.offset, to: run.nextOffset })
      : []
  return { kind: 'read', records, bytes, highWatermark, lastStableOffset, logStartOffset, abortedTransactions, lease }
}

function segmentsFrom(log: DiskLog, offset: number): DiskLog['segments'] {
  const first = log.segments.findLastIndex(segment => segment.baseOffset <= offset)
  return log.segments.slice(Math.max(0, first))
}

const refusedWith = (log: DiskLog, refused: LogRefusal): ReadOutcome => ({
  ...refused,
  highWatermark: log.highWatermark,
  logStartOffset: log.logStartOffset,
})
