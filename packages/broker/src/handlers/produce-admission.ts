/**
 * The transactional side of Produce (KIP-890). A batch of a transaction that has begun in its partition goes straight to the log. The first of one in a
 * partition needs the coordinator's word: newer clients have the partition added by their write, older ones have added it before, and that is looked up.
 *
 * What needs the word waits for it alone; the other partitions of the request are appended at once. So batches of one partition keep their order over
 * several requests of a connection: those that wait do so in one queue, that of their transactional id.
 */
import type { TopicPartition } from '@millrace/coordinator'
import { type ErrorName, producerEpochOf, producerIdOf } from '@millrace/protocol'
import type { BatchEntry } from '@millrace/storage'
import type { Services } from '../services.ts'
import { refusedWrite } from './transaction-replies.ts'

export interface UnadmittedWrite {
  readonly place: TopicPartition
  readonly entry: BatchEntry
}

export interface Producing {
  readonly transactionalId: string
  readonly version: number
}

const ABORTABLE_SINCE = 11
/** From here on a write adds its partition to the transaction. */
const IMPLICIT_SINCE = 12

/** Whether the batch has to wait for the coordinator's word. */
export function needsAdmission({ logs }: Services, { partition, records }: BatchEntry): boolean {
  const producer = { producerId: producerIdOf(records, 0), producerEpoch: producerEpochOf(records, 0) }
  return !logs.hasOpenTransaction(partition, producer)
}

/** For each write its entry with the coordinator's word, or why it is refused. All are of one producer. */
export async function admitWrites(
  services: Services,
  { transactionalId, version }: Producing,
  writes: readonly UnadmittedWrite[],
): Promise<readonly (BatchEntry | ErrorName)[]> {
  const first = writes[0]!.entry.records
  const [producerId, producerEpoch] = [producerIdOf(first, 0), producerEpochOf(first, 0)]
  const partitions = writes.map(({ place }) => place)
  let askedAt: readonly number[] = []
  const isImplicit = version >= IMPLICIT_SINCE
  const question = { transactionalId, producerId, producerEpoch, isImplicit, partitions, groupId: undefined }
  const errors = await services.gate.ask(question, () => {
    askedAt = writes.map(({ entry }) => entry.partition.highWatermark)
  })
  return writes.map(({ entry }, i) => {
    const error = errors[i]!
    if (error === 'NONE') return { ...entry, admission: { askedAt: askedAt[i]!, isEpochPerTransaction: isImplicit } }
    return refusedWrite(error, {
      abortable: version >= ABORTABLE_SINCE,
      concurrent: isImplicit,
      retriable: 'NOT_ENOUGH_REPLICAS',
    })
  })
}

/** Where the coordinator is not to be asked (`transaction.partition.verification.enable`). */
export const unverified = (entry: BatchEntry): BatchEntry => ({
  ...entry,
  admission: { askedAt: Number.POSITIVE_INFINITY, isEpochPerTransaction: false },
})
export const isVerified = ({ config }: Services, version: number): boolean =>
  version >= IMPLICIT_SINCE || config.transactionPartitionVerificationEnable
