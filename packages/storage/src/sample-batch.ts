/** Record batches for tests of engines: small, uncompressed, with whatever producer and times a test wants. */
import { crc32c } from '@millrace/protocol'
import { BATCH_HEADER_BYTES, writeInt64 } from './log/batch-view.ts'

export interface SampleBatch {
  readonly values?: readonly (string | Buffer)[]
  /** One for each value, or one for all. */
  readonly timestampsMs?: readonly number[]
  readonly producerId?: number
  readonly producerEpoch?: number
  readonly baseSequence?: number
  readonly attributes?: number
}

const varint = (value: number): number[] => {
  let raw = value >= 0 ? value * 2 : -value * 2 - 1
  const bytes: number[] = []
  for (; raw >= 128; raw = Math.floor(raw / 128)) bytes.push((raw % 128) | 0x80)
  return [...bytes, raw]
}

function sampleRecord(key: Buffer | undefined, value: Buffer, deltas: { time: number; offset: number }): Buffer {
  const body = Buffer.concat([
    Buffer.from([0, ...varint(deltas.time), ...varint(deltas.offset), ...varint(key === undefined ? -1 : key.length)]),
    key ?? Buffer.alloc(0),
    Buffer.from(varint(value.length)),
    value,
    Buffer.from([0]),
  ])
  return Buffer.concat([Buffer.from(varint(body.length)), body])
}

export function sampleBatch(options: SampleBatch = {}): Buffer {
  const values = (options.values ?? ['a']).map(value => Buffer.from(value))
  const times = values.map((_, i) => options.timestampsMs?.[i] ?? options.timestampsMs?.[0] ?? 1_000)
  const records = values.map((value, i) => sampleRecord(undefined, value, { time: times[i]! - times[0]!, offset: i }))
  return frame(Buffer.concat(records), { ...options, count: values.length, times })
}

/** A marker that ends the producer's open transaction. */
export function sampleMarker(options: {
  readonly producerId: number
  readonly producerEpoch: number
  readonly commit: boolean
  readonly coordinatorEpoch?: number
}): Buffer {
  const value = Buffer.alloc(6)
  value.writeInt32BE(options.coordinatorEpoch ?? 0, 2)
  const record = sampleRecord(Buffer.from([0, 0, 0, options.commit ? 1 : 0]), value, { time: 0, offset: 0 })
  return frame(record, { ...options, attributes: 0x30, count: 1, times: [1_000] })
}

function frame(records: Buffer, fields: SampleBatch & { count: number; times: readonly number[] }): Buffer {
  const batch = Buffer.alloc(BATCH_HEADER_BYTES + records.length)
  batch.writeInt32BE(batch.length - 12, 8)
  batch.writeInt32BE(-1, 12)
  batch[16] = 2
  batch.writeInt16BE(fields.attributes ?? 0, 21)
  batch.writeInt32BE(fields.count - 1, 23)
  writeInt64(batch, fields.times[0]!, 27)
  writeInt64(batch, Math.max(...fields.times), 35)
  writeInt64(batch, fields.producerId ?? -1, 43)
  batch.writeInt16BE(fields.producerEpoch ?? -1, 51)
  batch.writeInt32BE(fields.baseSequence ?? -1, 53)
  batch.writeInt32BE(fields.count, 57)
  records.copy(batch, BATCH_HEADER_BYTES)
  batch.writeUInt32BE(crc32c(batch, 21), 17)
  return batch
}
