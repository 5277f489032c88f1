/** Record batches for tests of engines, with whatever producer, times and codec a test wants. */
import { BatchBuilder, type CompressionCodec } from '@millrace/protocol'
import type { TransactionMarker } from './engine.ts'

export interface SampleBatch {
  readonly values?: readonly (string | Buffer)[]
  /** One for each value, or one for all. */
  readonly timestampsMs?: readonly number[]
  readonly producerId?: number
  readonly producerEpoch?: number
  readonly baseSequence?: number
  readonly isTransactional?: boolean
  readonly codec?: CompressionCodec
}

export function sampleBatch({ values = ['a'], timestampsMs = [1_000], ...fields }: SampleBatch = {}): Buffer {
  const builder = new BatchBuilder()
  for (const [i, value] of values.entries())
    builder.append({ timestamp: timestampsMs[i] ?? timestampsMs[0]!, value: Buffer.from(value) })
  return builder.build(fields)
}

/** A marker that ends the producer's open transaction of epoch 0, by the first protocol. */
export function sampleMarker(
  producerId: number,
  kind: 'commit' | 'abort',
  more: Partial<TransactionMarker> = {},
): TransactionMarker {
  const marker = { producerId, producerEpoch: 0, coordinatorEpoch: 0, commit: kind === 'commit', transactionVersion: 1 }
  return { ...marker, ...more }
}
