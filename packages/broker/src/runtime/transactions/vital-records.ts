/**
 * Which records of a transactional id are on the device before what they permit:
 *
 *   Empty      always. An epoch that is given out a second time makes two producers pass for one, as a producer id would
 *   Ongoing    when a partition of a promised topic joins. Its records stay, and without this nobody would ever end them
 *   Prepare…   when such a partition is in it. A marker that stays without it would be one partition's word against another's. And at every so many epochs: it gives one out, and the
 *              start after a power cut passes over as many as may have been forgotten
 *   Complete…  never, however durable the catalog is. Without it the next start writes the markers once more
 *
 * Undefined is as the catalog is. What was written before goes with what is synced: a group's pending offsets with the decision, the epoch that the last decision gave out with the first
 * partition of the next transaction.
 */
import type { TransactionRecord, TransactionState } from '@millrace/coordinator'
import type { IsPromised } from '../promised-topics.ts'

/** Epochs of one id that may be given out without one of them on the device. */
export const FORGOTTEN_EPOCHS_MAX = 64

export function isVitalRecord(
  before: TransactionState,
  record: TransactionRecord | null,
  isPromised: IsPromised,
): boolean | undefined {
  switch (record?.status) {
    case 'Empty':
      return true
    case 'Ongoing': {
      const known = before.kind === 'Ongoing' ? before.partitions : undefined
      const joins = ({ topic, partitions }: TransactionRecord['partitions'][number]): boolean =>
        isPromised(topic) && partitions.some(partition => known?.get(topic)?.has(partition) !== true)
      return record.partitions.some(joins) || undefined
    }
    case 'PrepareCommit':
    case 'PrepareAbort':
      return (
        record.producerEpoch % FORGOTTEN_EPOCHS_MAX === 0 ||
        record.partitions.some(({ topic }) => isPromised(topic)) ||
        undefined
      )
    default:
      return false
  }
}
