/**
 * `.snapshot`: what the log up to the offset in the name makes known of producers.
 *
 *   0 version, 1 (2)   2 CRC-32C of all that follows (4)   6 count (4)   10 entries of 46 bytes:
 *
 *   0 producer id (8)   8 epoch (2)   10 last sequence (4)   14 last offset (8)   22 offset delta (4)   26 timestamp (8)
 *   34 coordinator epoch (4)   38 first offset of the open transaction, or -1 (8)
 *
 * Only the last batch of each producer is in it, so after a clean stop a retry of an older one is not recognised, as in Kafka.
 */
import { crc32c, int64At, writeInt64 } from '@millrace/protocol'
import type { ProducerState, ProducerStates } from './producer-state.ts'

const VERSION = 1
const HEADER_BYTES = 10
const ENTRY_BYTES = 46

export function encodeSnapshot(producers: ProducerStates): Buffer {
  const bytes = Buffer.alloc(HEADER_BYTES + producers.count * ENTRY_BYTES)
  bytes.writeInt16BE(VERSION, 0)
  bytes.writeInt32BE(producers.count, 6)
  let at = HEADER_BYTES
  for (const state of producers.values()) {
    const last = state.batches.at(-1)
    writeInt64(bytes, at, state.producerId)
    bytes.writeInt16BE(state.producerEpoch, at + 8)
    bytes.writeInt32BE(last?.lastSequence ?? -1, at + 10)
    writeInt64(bytes, at + 14, last?.lastOffset ?? -1)
    bytes.writeInt32BE(last?.offsetDelta ?? 0, at + 22)
    writeInt64(bytes, at + 26, state.lastTimestampMs)
    bytes.writeInt32BE(state.coordinatorEpoch, at + 34)
    writeInt64(bytes, at + 38, state.transactionFirstOffset)
    at += ENTRY_BYTES
  }
  bytes.writeUInt32BE(crc32c(bytes, 6), 2)
  return bytes
}

/** Undefined when the bytes are not a whole snapshot. */
export function decodeSnapshot(bytes: Buffer): readonly ProducerState[] | undefined {
  if (bytes.length < HEADER_BYTES || bytes.readInt16BE(0) !== VERSION) return undefined
  const count = bytes.readInt32BE(6)
  if (bytes.length !== HEADER_BYTES + count * ENTRY_BYTES) return undefined
  if (bytes.readUInt32BE(2) !== crc32c(bytes, 6)) return undefined
  return Array.from({ length: count }, (_, i) => decodeEntry(bytes, HEADER_BYTES + i * ENTRY_BYTES))
}

function decodeEntry(bytes: Buffer, at: number): ProducerState {
  const lastTimestampMs = int64At(bytes, at + 26)
  const lastSequence = bytes.readInt32BE(at + 10)
  const lastOffset = int64At(bytes, at + 14)
  const offsetDelta = bytes.readInt32BE(at + 22)
  return {
    producerId: int64At(bytes, at),
    producerEpoch: bytes.readInt16BE(at + 8),
    lastTimestampMs,
    coordinatorEpoch: bytes.readInt32BE(at + 34),
    transactionFirstOffset: int64At(bytes, at + 38),
    lastMarkerOffset: -1,
    batches: lastOffset < 0 ? [] : [{ lastSequence, lastOffset, offsetDelta, timestampMs: lastTimestampMs }],
  }
}
