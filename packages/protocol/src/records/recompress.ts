import { attributesOf, BATCH_OVERHEAD, COMPRESSION_MASK, LOG_OVERHEAD, patchCrc } from './batch.ts'
import { type CompressionCodec, compress, compressionIds } from './compression.ts'
import { batchCodec, recordBytes } from './record.ts'

export interface RecompressOptions {
  readonly codec: CompressionCodec
  readonly level?: number
  /** The most that the records may take when decompressed. */
  readonly maxBytes: number
}

/**
 * The batch with its records under another codec, for topics whose compression.type is not `producer`. A new batch of the
 * caller's, or `batch` itself when it has that codec already. Whether it still fits max.message.bytes is the caller's to ask.
 * Throws `CompressionError`.
 */
export function recompressBatch(batch: Buffer, { codec, level, maxBytes }: RecompressOptions): Buffer {
  if (batchCodec(batch, 0) === codec) return batch
  const content = recordBytes(batch, 0, { maxBytes, transient: true })
  const records = compress(codec, content, level)
  const rewritten = Buffer.allocUnsafe(BATCH_OVERHEAD + records.length)
  batch.copy(rewritten, 0, 0, BATCH_OVERHEAD)
  records.copy(rewritten, BATCH_OVERHEAD)
  rewritten.writeInt32BE(rewritten.length - LOG_OVERHEAD, 8)
  rewritten.writeInt16BE((attributesOf(batch, 0) & ~COMPRESSION_MASK) | compressionIds[codec], 21)
  patchCrc(rewritten, 0)
  return rewritten
}
