import { KafkaError } from '../errors.ts'
import type { PartitionQueue } from './partition-queue.ts'
import type { ProducerBatch } from './producer-batch.ts'

/** What becomes of a batch that a broker refused. */
export type Verdict =
  /** It is in the log already: an earlier attempt got through. */
  | 'delivered'
  | 'again'
  /** Again, under a new epoch. */
  | 'restart'
  | 'split'
  | 'failed'

export function verdictOn(
  error: KafkaError,
  batch: ProducerBatch,
  queue: PartitionQueue,
  isTransactional: boolean,
): Verdict {
  // Another epoch is another transaction: what was sent before under this one would be left behind.
  const anew = batch.identity === undefined || isTransactional ? 'failed' : 'restart'
  switch (error.code) {
    case 'DUPLICATE_SEQUENCE_NUMBER':
      return 'delivered'
    case 'MESSAGE_TOO_LARGE':
    case 'RECORD_LIST_TOO_LARGE':
      return batch.recordCount > 1 ? 'split' : 'failed'
    case 'OUT_OF_ORDER_SEQUENCE_NUMBER':
      if (batch.identity === undefined) return 'failed'
      // A batch before it failed and will be sent first; otherwise the broker has lost track of this producer.
      return queue.isAheadOfAcknowledged(batch) ? 'again' : anew
    case 'UNKNOWN_PRODUCER_ID':
    case 'INVALID_PRODUCER_ID_MAPPING':
    case 'INVALID_PRODUCER_EPOCH':
      return anew
    default:
      return error.retriable ? 'again' : 'failed'
  }
}

export function deliveryTimedOut(queue: PartitionQueue, timeoutMs: number, cause: KafkaError | undefined): KafkaError {
  const why = cause === undefined ? '' : `: ${cause.message}`
  const { topic, partition } = queue
  return new KafkaError('TIMED_OUT', `${topic}-${partition} took no records for ${timeoutMs} ms${why}`, {
    cause,
    topic,
    partition,
  })
}
