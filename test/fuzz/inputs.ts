/** Where fuzzing starts from: what Kafka's own classes encoded, and record batches of every codec. */
import { readFileSync } from 'node:fs'
import { gunzipSync } from 'node:zlib'
import type { Random } from '@millrace/base'
import {
  apis,
  BATCH_OVERHEAD,
  BatchBuilder,
  type CompressionCodec,
  ConsumerProtocolAssignment,
  ConsumerProtocolSubscription,
  compress,
  compressionCodecs,
  compressionIds,
  GroupMetadataValue,
  type Message,
  patchCrc,
} from '@millrace/protocol'
import { mutate, pick } from './mutate.ts'

export interface EncodedMessage {
  readonly message: string
  readonly version: number
  readonly bytes: Buffer
}

export type AnyMessage = Message<unknown, unknown>

/** By the names that the vectors use. */
export const messages = new Map<string, AnyMessage>()
export const requestApis = new Map<string, { key: number; flexible: number }>()
for (const api of apis) {
  messages.set(`${api.name}Request`, api.request as unknown as AnyMessage)
  messages.set(`${api.name}Response`, api.response as unknown as AnyMessage)
  requestApis.set(`${api.name}Request`, { key: api.key, flexible: api.flexible })
}
messages.set('ConsumerProtocolSubscription', ConsumerProtocolSubscription as unknown as AnyMessage)
messages.set('ConsumerProtocolAssignment', ConsumerProtocolAssignment as unknown as AnyMessage)
messages.set('GroupMetadataValue', GroupMetadataValue as unknown as AnyMessage)

export function loadVectors(): EncodedMessage[] {
  const file = new URL('../../packages/protocol/vectors/vectors.jsonl.gz', import.meta.url)
  return gunzipSync(readFileSync(file))
    .toString('utf8')
    .trimEnd()
    .split('\n')
    .map(line => JSON.parse(line) as { message?: string; version: number; bytes: string })
    .filter((line): line is { message: string; version: number; bytes: string } => messages.has(line.message ?? ''))
    .map(({ message, version, bytes }) => ({ message, version, bytes: Buffer.from(bytes, 'hex') }))
}

export function batchOf(random: Random, codec: CompressionCodec, recordCount = 1 + random.integer(8)): Buffer {
  const builder = new BatchBuilder()
  const timestamp = Date.now()
  for (let i = 0; i < recordCount; i++)
    builder.append({
      timestamp: timestamp + random.integer(1000),
      key: random.integer(3) === 0 ? null : random.bytes(random.integer(12)),
      value: random.integer(5) === 0 ? null : Buffer.alloc(random.integer(300), random.integer(256)),
      headers: random.integer(3) === 0 ? [{ key: 'h', value: random.bytes(random.integer(8)) }] : [],
    })
  return builder.build({ codec })
}

/** A batch around any content at all, whose outer length and checksum are right, so that what is wrong lies further in. */
export function wrapped(header: Buffer, codec: CompressionCodec, content: Buffer): Buffer {
  const batch = Buffer.concat([header.subarray(0, BATCH_OVERHEAD), content])
  batch.writeInt32BE(batch.length - 12, 8)
  batch.writeInt16BE((batch.readInt16BE(21) & ~7) | compressionIds[codec], 21)
  patchCrc(batch, 0)
  return batch
}

/** A batch that lies somewhere: in its frame, in its compressed form, or in the records inside. */
export function brokenBatch(random: Random): Buffer {
  const codec = pick(random, compressionCodecs)
  const whole = batchOf(random, codec)
  const other = batchOf(random, pick(random, compressionCodecs))
  if (random.integer(4) === 0) return mutate(whole, random, other)
  if (random.integer(2) === 0) {
    const bad = mutate(whole, random, other)
    return bad.length < BATCH_OVERHEAD ? bad : wrapped(bad, codec, bad.subarray(BATCH_OVERHEAD))
  }
  const plain = batchOf(random, 'none')
  const content = mutate(plain.subarray(BATCH_OVERHEAD), random, other)
  return wrapped(plain, codec, compress(codec, content))
}
