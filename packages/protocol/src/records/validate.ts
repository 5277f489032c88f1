/**
 * What a broker checks on the records of one partition in a produce request, before it gives them an offset.
 *
 * Outcomes are values with Kafka's error names. A batch that passes may have had its max timestamp corrected in place, as
 * Kafka does when the client's claim and the records differ; nothing else is changed. The records are walked where they
 * lie, or in shared memory when compressed: no object is made for any of them.
 */
import {
  attributesOf,
  BATCH_OVERHEAD,
  baseOffsetOf,
  baseSequenceOf,
  baseTimestampOf,
  batchSizeOf,
  COMPRESSION_MASK,
  CONTROL_BIT,
  CORRUPT_BATCH,
  hasValidCrc,
  LOG_APPEND_TIME_BIT,
  lastOffsetDeltaOf,
  MAGIC,
  magicOf,
  maxTimestampOf,
  PARTIAL_BATCH,
  patchMaxTimestamp,
  producerEpochOf,
  producerIdOf,
  recordCountOf,
  TRANSACTIONAL_BIT,
  wholeBatchSize,
} from './batch.ts'
import { type CompressionCodec, compressionCodecOf, decompress } from './compression.ts'
import { CompressionError } from './compression-error.ts'
import { type RecordError, type RecordRules, RecordWalk } from './record-walk.ts'

export type { RecordError } from './record-walk.ts'

export interface BatchRules extends RecordRules {
  /** max.message.bytes: the size of the whole batch as sent. */
  readonly maxMessageBytes: number
  /** The most that the batch's records may take when decompressed. */
  readonly decompressedBytesMax: number
  /** Produce 7 and later. */
  readonly isZstdAllowed: boolean
}

export interface ValidBatch {
  readonly kind: 'valid'
  /** May be less than what was sent: a partial batch behind the first is dropped, as Kafka does. */
  readonly sizeInBytes: number
  readonly codec: CompressionCodec
  readonly recordCount: number
  readonly lastOffsetDelta: number
  readonly producerId: number
  readonly producerEpoch: number
  readonly baseSequence: number
  readonly isTransactional: boolean
  /** The largest of the records' timestamps, -1 if none has one. With log-append time the broker's stamp replaces it. */
  readonly maxTimestamp: number
  /** Which record has it (the first of them): its offset less the base offset; -1 if none. */
  readonly maxTimestampOffsetDelta: number
}

export type BatchError =
  | 'INVALID_RECORD'
  | 'CORRUPT_MESSAGE'
  | 'MESSAGE_TOO_LARGE'
  | 'UNSUPPORTED_COMPRESSION_TYPE'
  | 'INVALID_TIMESTAMP'

export interface BatchRefusal {
  readonly kind: 'refused'
  readonly error: BatchError
  readonly message: string
  /** Which records are to blame, where it is single records. */
  readonly recordErrors: readonly RecordError[]
}

const NO_RECORD_ERRORS: readonly RecordError[] = []

function refuse(error: BatchError, message: string, recordErrors = NO_RECORD_ERRORS): BatchRefusal {
  return { kind: 'refused', error, message, recordErrors }
}

export function validateBatch(records: Buffer, rules: BatchRules): ValidBatch | BatchRefusal {
  return checkFrame(records, rules) ?? checkHeader(records) ?? checkRecords(records, rules)
}

/** One whole batch that is not too large and carries what its sender wrote. */
function checkFrame(records: Buffer, rules: BatchRules): BatchRefusal | undefined {
  const end = records.length
  const size = wholeBatchSize(records, 0, end)
  if (size === PARTIAL_BATCH) return refuse('INVALID_RECORD', 'the partition holds no whole record batch')
  if (size === CORRUPT_BATCH) return refuseFrame(records)
  const codec = compressionCodecOf(attributesOf(records, 0) & COMPRESSION_MASK)
  if (codec === undefined) return refuse('UNSUPPORTED_COMPRESSION_TYPE', 'the compression type is not known')
  if (codec === 'zstd' && !rules.isZstdAllowed) {
    return refuse('UNSUPPORTED_COMPRESSION_TYPE', 'this version of the produce request cannot carry zstd')
  }
  const next = wholeBatchSize(records, size, end)
  if (next === CORRUPT_BATCH) return refuse('CORRUPT_MESSAGE', 'what follows the record batch is no batch')
  if (next > 0) return refuse('INVALID_RECORD', 'a partition takes exactly one record batch a request')
  if (baseOffsetOf(records, 0) !== 0) {
    return refuse(
      'INVALID_RECORD',
      `the base offset of the record batch should be 0, but it is ${baseOffsetOf(records, 0)}`,
    )
  }
  if (size > rules.maxMessageBytes) {
    return refuse(
      'MESSAGE_TOO_LARGE',
      `the record batch has ${size} bytes, more than the maximum of ${rules.maxMessageBytes} (max.message.bytes)`,
    )
  }
  if (!hasValidCrc(records, 0)) return refuse('CORRUPT_MESSAGE', 'the record batch fails its checksum')
  return undefined
}

function refuseFrame(records: Buffer): BatchRefusal {
  const magic = records.length > 16 ? magicOf(records, 0) : MAGIC
  if (magic === 0 || magic === 1) return refuse('INVALID_RECORD', `record batches have magic 2, not ${magic}`)
  return refuse('CORRUPT_MESSAGE', 'this is no record batch: its length or magic is wrong')
}

function checkHeader(records: Buffer): BatchRefusal | undefined {
  const attributes = attributesOf(records, 0)
  const lastOffsetDelta = lastOffsetDeltaOf(records, 0)
  const recordCount = recordCountOf(records, 0)
  if (lastOffsetDelta < 0) return refuse('INVALID_RECORD', `the last offset delta is ${lastOffsetDelta}`)
  if (recordCount <= 0) return refuse('INVALID_RECORD', `the record count is ${recordCount}`)
  if (recordCount !== lastOffsetDelta + 1) {
    return refuse('INVALID_RECORD', `the record count is ${recordCount}, but the last offset delta ${lastOffsetDelta}`)
  }
  if ((attributes & CONTROL_BIT) !== 0) return refuse('INVALID_RECORD', 'clients may not write control records')
  const producerId = producerIdOf(records, 0)
  if (producerId >= 0) {
    if (!Number.isSafeInteger(producerId)) return refuse('INVALID_RECORD', 'the producer id is out of range')
    const baseSequence = baseSequenceOf(records, 0)
    if (baseSequence < 0) {
      return refuse('INVALID_RECORD', `the base sequence is ${baseSequence} in a batch of producer ${producerId}`)
    }
  } else if ((attributes & TRANSACTIONAL_BIT) !== 0) {
    return refuse('INVALID_RECORD', 'a transactional batch needs a producer id')
  }
  if ((attributes & LOG_APPEND_TIME_BIT) !== 0) {
    return refuse('INVALID_TIMESTAMP', 'producers may not set the timestamp type to log-append time')
  }
  return undefined
}

function checkRecords(records: Buffer, rules: BatchRules): ValidBatch | BatchRefusal {
  const attributes = attributesOf(records, 0)
  const size = batchSizeOf(records, 0)
  const codec = compressionCodecOf(attributes & COMPRESSION_MASK)!
  const recordCount = recordCountOf(records, 0)
  const walk = new RecordWalk(baseTimestampOf(records, 0), recordCount, rules)
  let problem: string | undefined
  if (codec === 'none') problem = walk.run(records, BATCH_OVERHEAD, size)
  else {
    try {
      const { decompressedBytesMax: maxBytes } = rules
      const compressed = records.subarray(BATCH_OVERHEAD, size)
      const content = decompress(codec, compressed, { maxBytes, portable: true, transient: true })
      problem = walk.run(content, 0, content.length)
    } catch (error) {
      if (error instanceof CompressionError) return refuseContent(error)
      throw error
    }
  }
  if (problem !== undefined) return refuse('INVALID_RECORD', problem)
  if (walk.errors.length > 0) return refuseRecords(walk)
  if (rules.timestampType === 'CreateTime' && walk.maxTimestamp !== maxTimestampOf(records, 0)) {
    patchMaxTimestamp(records, 0, walk.maxTimestamp)
  }
  return {
    kind: 'valid',
    sizeInBytes: size,
    codec,
    recordCount,
    lastOffsetDelta: recordCount - 1,
    producerId: producerIdOf(records, 0),
    producerEpoch: producerEpochOf(records, 0),
    baseSequence: baseSequenceOf(records, 0),
    isTransactional: (attributes & TRANSACTIONAL_BIT) !== 0,
    maxTimestamp: walk.maxTimestamp,
    maxTimestampOffsetDelta: walk.maxTimestampOffsetDelta,
  }
}

/** Too large is told as such: a Java producer then splits the batch and tries again, which is what helps. */
function refuseContent(error: CompressionError): BatchRefusal {
  return refuse(error.code === 'TOO_LARGE' ? 'MESSAGE_TOO_LARGE' : 'INVALID_RECORD', error.message)
}

function refuseRecords({ errors, hasTimestampError }: RecordWalk): BatchRefusal {
  return hasTimestampError
    ? refuse('INVALID_TIMESTAMP', 'one or more records have been rejected due to invalid timestamp', errors)
    : refuse('INVALID_RECORD', `one or more records have been rejected: ${errors[0]!.message}`, errors)
}
