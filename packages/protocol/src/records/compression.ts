/**
 * The codecs of record batches, one pair of functions for all. Synchronous, so that a batch is read and written within one
 * event-loop turn. Nothing here ever holds more than `maxBytes` of output; anything unreadable is a `CompressionError`.
 */
import {
  constants,
  gunzipSync,
  gzipSync,
  type ZlibOptions,
  type ZstdOptions,
  zstdCompressSync,
  zstdDecompressSync,
} from 'node:zlib'
import { CompressionError, tooLarge } from './compression-error.ts'
import { decodeLz4Frames, encodeLz4Frame } from './lz4-frame.ts'
import { decodeSnappy, encodeSnappy } from './snappy.ts'

export { CompressionError, type CompressionErrorCode } from './compression-error.ts'

export type CompressionCodec = 'none' | 'gzip' | 'snappy' | 'lz4' | 'zstd'

/** By id: bits 0 to 2 of a batch's attributes. */
export const compressionCodecs: readonly CompressionCodec[] = ['none', 'gzip', 'snappy', 'lz4', 'zstd']

export const compressionIds: Readonly<Record<CompressionCodec, number>> = {
  none: 0,
  gzip: 1,
  snappy: 2,
  lz4: 3,
  zstd: 4,
}

export const compressionCodecOf = (id: number): CompressionCodec | undefined => compressionCodecs[id]

export interface DecompressOptions {
  /** The most output that is allowed; more is `TOO_LARGE`, noticed before the memory for it is taken. */
  readonly maxBytes: number
  /** Refuse, as `UNSUPPORTED`, forms that Kafka's own Java client cannot read (lz4 with linked blocks, several lz4 frames). */
  readonly portable?: boolean
  /** The result may be a view of a buffer that the next transient call overwrites. For callers that look and forget. */
  readonly transient?: boolean
}

/**
 * Compresses with Kafka's own default level when none is given. A level only means something to gzip (1 to 9, -1) and
 * zstd (-131072 to 22); lz4 has one speed here. The caller owns the result; with `none` it is `bytes` itself.
 */
export function compress(codec: CompressionCodec, bytes: Buffer, level?: number): Buffer {
  switch (codec) {
    case 'none':
      return bytes
    case 'gzip':
      return gzipSync(bytes, level === undefined ? {} : { level })
    case 'snappy':
      return encodeSnappy(bytes)
    case 'lz4':
      return encodeLz4Frame(bytes)
    case 'zstd':
      return zstdCompressSync(bytes, { params: { [constants.ZSTD_c_compressionLevel]: level ?? 3 } })
    default:
      return codec satisfies never
  }
}

/** The inverse. With `none` the result is `bytes` itself, whose size is held against `maxBytes` all the same. */
export function decompress(codec: CompressionCodec, bytes: Buffer, options: DecompressOptions): Buffer {
  switch (codec) {
    case 'none':
      if (bytes.length > options.maxBytes) throw tooLarge(options.maxBytes)
      return bytes
    case 'gzip':
      return inflate(gunzipSync, bytes, options.maxBytes, gzipSizeHint(bytes))
    case 'snappy':
      return decodeSnappy(bytes, options)
    case 'lz4':
      return decodeLz4Frames(bytes, options)
    case 'zstd':
      return inflate(zstdDecompressSync, bytes, options.maxBytes, zstdSizeHint(bytes))
    default:
      return codec satisfies never
  }
}

const CHUNK_SIZE_MIN = 1024
const CHUNK_SIZE_MAX = 1024 * 1024

type InflateOptions = Pick<ZlibOptions & ZstdOptions, 'maxOutputLength' | 'chunkSize'>

/** One call for two codecs. */
function inflate(
  decode: (bytes: Buffer, options: InflateOptions) => Buffer,
  bytes: Buffer,
  maxBytes: number,
  sizeHint: number,
): Buffer {
  try {
    // With a chunk as large as the output there is no joining of chunks. The hint is the sender's word: it is clamped.
    const chunkSize = Math.min(
      Math.max(sizeHint + 1, CHUNK_SIZE_MIN),
      CHUNK_SIZE_MAX,
      Math.max(maxBytes + 1, CHUNK_SIZE_MIN),
    )
    const content = decode(bytes, { maxOutputLength: Math.max(maxBytes, 1), chunkSize })
    if (content.length > maxBytes) throw tooLarge(maxBytes)
    return content
  } catch (error) {
    if (error instanceof CompressionError) throw error
    if (error instanceof Error && 'code' in error && error.code === 'ERR_BUFFER_TOO_LARGE') throw tooLarge(maxBytes)
    throw new CompressionError('CORRUPT', error instanceof Error ? error.message : 'unreadable', error)
  }
}

/** The last four bytes of a gzip member are its size, modulo 2^32. */
const gzipSizeHint = (bytes: Buffer): number => (bytes.length < 18 ? 0 : bytes.readUInt32LE(bytes.length - 4))

/** A zstd frame may name its content size in its header. */
function zstdSizeHint(bytes: Buffer): number {
  if (bytes.length < 18) return 16 * CHUNK_SIZE_MIN
  const descriptor = bytes[4]!
  const singleSegment = (descriptor >>> 5) & 1
  const at = 5 + (1 - singleSegment) + [0, 1, 2, 4][descriptor & 3]!
  switch (descriptor >>> 6) {
    case 0:
      return singleSegment === 1 ? bytes[at]! : bytes.length * 4
    case 1:
      return bytes.readUInt16LE(at) + 256
    default:
      return bytes.readUInt32LE(at)
  }
}
