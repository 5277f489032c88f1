/** Bugs about transactions, and one about damage that is not told. */
import { crc32c, forEachBatch, producerEpochOf, producerIdOf, Reader, TransactionLogValue } from '@millrace/protocol'
import type {
  AppendEntry,
  AppendOutcome,
  CatalogChange,
  LogEngine,
  MarkerEntry,
  PartitionLog,
  ReadOutcome,
} from '@millrace/storage'
import type { BugTools, PlantedBug } from './planted-bug.ts'
import { changed, inside, journalBug, logsBug, rarely, under } from './planting.ts'
import type { JournalEntry } from './simulated-catalog.ts'

const PREPARE_COMMIT = 2
const PREPARE_ABORT = 3
const CRC_AT = 17
const CRC_FROM = 21

const isMarker = (entry: AppendEntry): entry is MarkerEntry => 'marker' in entry

/** Answers as if each had been written. */
async function withoutSomeMarkers(
  logs: LogEngine,
  entries: readonly AppendEntry[],
  { random }: BugTools,
): Promise<readonly AppendOutcome[]> {
  const isLost = entries.map(entry => isMarker(entry) && rarely(random, 50))
  const written = [...(await logs.append(entries.filter((_, i) => !isLost[i])))]
  return entries.map(({ partition }, i): AppendOutcome => {
    if (!isLost[i]) return written.shift()!
    const { highWatermark: baseOffset, logStartOffset } = partition
    return { kind: 'appended', baseOffset, logAppendTimeMs: -1, logStartOffset }
  })
}

const asAborted = (entry: AppendEntry, { random }: BugTools): AppendEntry =>
  isMarker(entry) && rarely(random, 50) ? { ...entry, marker: { ...entry.marker, commit: false } } : entry

function isDecision(change: CatalogChange): boolean {
  if (change.kind !== 'putTransaction') return false
  const r = new Reader(Buffer.from(change.value))
  const { transactionStatus } = TransactionLogValue.read(r, r.int16())
  return transactionStatus === PREPARE_COMMIT || transactionStatus === PREPARE_ABORT
}

const withoutDecisions = (entry: JournalEntry): JournalEntry =>
  'changes' in entry ? { changes: entry.changes.filter(change => !isDecision(change)) } : entry

/** Markers do not carry the epoch that locks a producer out, and whoever was locked out is not asked about. */
function letZombiesIn(logs: LogEngine): Partial<LogEngine> {
  const newest = new Map<number, number>()
  const isZombie = (producerId: number, epoch: number): boolean => (newest.get(producerId) ?? -1) > epoch
  const learn = (producerId: number, epoch: number): void => {
    if (!isZombie(producerId, epoch)) newest.set(producerId, epoch)
  }
  const spoil = (entry: AppendEntry): AppendEntry => {
    if (isMarker(entry)) {
      const { producerId, producerEpoch } = entry.marker
      learn(producerId, producerEpoch)
      const known = inside(entry.partition).producers.get(producerId)?.producerEpoch ?? producerEpoch
      const marker = { ...entry.marker, producerEpoch: Math.min(known, producerEpoch), transactionVersion: 0 }
      return { ...entry, marker }
    }
    const [producerId, epoch] = [producerIdOf(entry.records, 0), producerEpochOf(entry.records, 0)]
    if (!isZombie(producerId, epoch)) return entry
    return { ...entry, admission: { askedAt: Number.POSITIVE_INFINITY, isEpochPerTransaction: false } }
  }
  return {
    hasOpenTransaction: (partition, producer) =>
      isZombie(producer.producerId, producer.producerEpoch) || logs.hasOpenTransaction(partition, producer),
    append: entries => logs.append(entries.map(spoil)),
  }
}

function raiseLastStable(raised: WeakSet<PartitionLog>, partition: PartitionLog): void {
  if (raised.has(partition)) return
  raised.add(partition)
  const { get } = Object.getOwnPropertyDescriptor(Object.getPrototypeOf(partition), 'lastStableOffset')!
  Object.defineProperty(partition, 'lastStableOffset', {
    get: () => Math.min(partition.highWatermark, (get!.call(partition) as number) + 1),
  })
}

function withFittingChecksums(records: Buffer): Buffer {
  const copy = Buffer.from(records)
  forEachBatch(copy, (at, size) => copy.writeUInt32BE(crc32c(copy, at + CRC_FROM, at + size), at + CRC_AT))
  return copy
}

/** Markers that come late give the kill its time; that alone is no bug. */
const forgetsDecisions: PlantedBug = {
  ...logsBug(
    'forgets what was decided of a transaction',
    ['torn transaction', 'hanging transaction'],
    (logs, { clock }) => ({
      append: entries =>
        entries.some(isMarker)
          ? new Promise<void>(resolve => clock.schedule(300, resolve)).then(() => logs.append(entries))
          : logs.append(entries),
    }),
  ),
  mischief: ['kill'],
  journal: () => ({ written: entries => entries.map(withoutDecisions) }),
}

export const plantedTransactionBugs: readonly PlantedBug[] = [
  logsBug('loses the marker of a transaction in one partition', ['hanging transaction'], (logs, tools) => ({
    append: entries => (entries.some(isMarker) ? withoutSomeMarkers(logs, entries, tools) : logs.append(entries)),
  })),
  logsBug('writes a marker that aborts where it was to commit', ['torn transaction'], (logs, tools) => ({
    append: entries => logs.append(entries.map(entry => asAborted(entry, tools))),
  })),
  forgetsDecisions,
  logsBug('does not tell readers which transactions were aborted', ['aborted read'], logs => ({
    read: (entries, budget) =>
      changed<ReadOutcome>(logs.read(entries, budget), outcome =>
        outcome.kind === 'read' ? { ...outcome, abortedTransactions: [] } : outcome,
      ),
  })),
  logsBug('has the last stable offset one too high', ['aborted read', 'skipped'], logs => {
    const raised = new WeakSet<PartitionLog>()
    return {
      read: (entries, budget) => {
        for (const { partition } of entries) raiseLastStable(raised, partition)
        return logs.read(entries, budget)
      },
    }
  }),
  under(
    ['kill'],
    journalBug('loses the offsets that a transaction committed', ['offset lost'], entry => {
      if (!('changes' in entry) || entry.changes.every(({ kind }) => kind !== 'deletePendingOffset')) return entry
      return { changes: entry.changes.filter(({ kind }) => kind !== 'putOffset') }
    }),
  ),
  logsBug('lets a producer write after its successor began', ['zombie write'], letZombiesIn),
  under(
    ['flip', 'stop'],
    logsBug('gives damaged batches checksums that fit', ['phantom', 'two at one offset'], logs => ({
      read: (entries, budget) =>
        changed<ReadOutcome>(logs.read(entries, budget), outcome =>
          outcome.kind === 'read' ? { ...outcome, records: outcome.records.map(withFittingChecksums) } : outcome,
        ),
    })),
  ),
]
