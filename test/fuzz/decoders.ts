/** What reads bytes from outside, each in turn. Anything but the error that the decoder is allowed is a finding. */
import assert from 'node:assert/strict'
import {
  BATCH_OVERHEAD,
  batchPositions,
  CompressionError,
  CorruptRecordsError,
  compressionCodecs,
  decompress,
  forEachBatch,
  MalformedError,
  Reader,
  readBatchHeader,
  readControlRecord,
  readRecords,
  readRequestRest,
  readRequestStart,
  validateBatch,
} from '@millrace/protocol'
import { messages } from './inputs.ts'

export type DecoderInput =
  | { readonly target: 'message'; readonly message: string; readonly version: number; readonly bytes: Buffer }
  | { readonly target: 'records'; readonly bytes: Buffer }

const DECOMPRESSED_BYTES_MAX = 4 << 20
const DECODE_MS_MAX = 5_000

export function decodeAll(input: DecoderInput): void {
  const startedMs = performance.now()
  if (input.target === 'records') decodeRecords(input.bytes)
  else {
    allow([MalformedError], () => messages.get(input.message)!.decode(input.bytes, input.version))
    allow([MalformedError], () => {
      const r = new Reader(input.bytes)
      readRequestStart(r)
      readRequestRest(r, true)
    })
  }
  const tookMs = performance.now() - startedMs
  assert.ok(tookMs < DECODE_MS_MAX, `decoding took ${Math.round(tookMs)} ms`)
}

function decodeRecords(given: Buffer): void {
  // validation patches what it accepts, so it gets a copy
  for (const timestampType of ['CreateTime', 'LogAppendTime'] as const)
    validateBatch(Buffer.from(given), {
      maxMessageBytes: 1 << 20,
      decompressedBytesMax: DECOMPRESSED_BYTES_MAX,
      isZstdAllowed: true,
      timestampType,
      timestampBeforeMaxMs: Number.MAX_SAFE_INTEGER,
      timestampAfterMaxMs: 3_600_000,
      now: Date.now(),
      keysRequired: timestampType === 'LogAppendTime',
    })
  forEachBatch(given, at => void readBatchHeader(given, at))
  for (const at of batchPositions(given))
    allow([CompressionError, CorruptRecordsError], () => {
      let bytes = 0
      for (const record of readRecords(given, at, { maxBytes: DECOMPRESSED_BYTES_MAX }))
        bytes += (record.key?.length ?? 0) + (record.value?.length ?? 0) + record.headers.length
      assert.ok(bytes <= DECOMPRESSED_BYTES_MAX)
      readControlRecord(given, at)
    })
  for (const codec of compressionCodecs)
    allow([CompressionError], () => {
      const content = decompress(codec, given.subarray(BATCH_OVERHEAD), { maxBytes: DECOMPRESSED_BYTES_MAX })
      assert.ok(content.length <= DECOMPRESSED_BYTES_MAX)
    })
}

function allow(allowed: readonly (new (...args: never[]) => Error)[], decode: () => unknown): void {
  try {
    decode()
  } catch (error) {
    if (!allowed.some(kind => error instanceof kind)) throw error
  }
}
