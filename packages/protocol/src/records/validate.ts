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
  NO_TIMESTAMP,
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
import { RecordCursor } from './record-cursor.ts'

export interface BatchRules {
  /** max.message.bytes: the size of the whole batch as sent. */
  readonly maxMessageBytes: number
  /** The most that the batch's records may take when decompressed. */
  readonly decompressedBytesMax: number
  /** Produce 7 and later. */
  readonly isZstdAllowed: boolean
  readonly timestampType: 'CreateTime' | 'LogAppendTime'
  readonly timestampBeforeMaxMs: number
  readonly timestampAfterMaxMs: number
  readonly now: number
  /** Compacted topics. */
  readonly keysRequired: boolean
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

export interface RecordError {
  readonly batchIndex: number
  readonly message: string
}

export interface BatchRefusal {
  readonly kind: 'refused'
  readonly error: BatchError
  readonly message: string
  /** Which records are to blame, where it is single records. */
  readonly recordErrors: readonly RecordError[]
}

const NO_RECORD_ERRORS: readonly RecordError[] = []
/** A response lists no more bad records than this, so that a small compressed batch cannot ask for a huge answer. */
const RECORD_ERRORS_MAX = 10_000

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
  let content = records.subarray(BATCH_OVERHEAD, size)
  if (codec !== 'none') {
    try {
      content = decompress(codec, content, { maxBytes: rules.decompressedBytesMax, portable: true, transient: true })
    } catch (error) {
      if (error instanceof CompressionError) return refuseContent(error)
      throw error
    }
  }
  const recordCount = recordCountOf(records, 0)
  const walk = new RecordWalk(baseTimestampOf(records, 0), rules)
  const problem = walk.run(content, recordCount)
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

/** One look at each record of a batch. */
class RecordWalk {
  readonly errors: RecordError[] = []
  hasTimestampError = false
  maxTimestamp = NO_TIMESTAMP
  maxTimestampOffsetDelta = -1
  readonly #baseTimestamp: number
  readonly #rules: BatchRules

  constructor(baseTimestamp: number, rules: BatchRules) {
    this.#baseTimestamp = baseTimestamp
    this.#rules = rules
  }

  /** Returns what is wrong with the batch as a whole; `errors` has what is wrong with single records. */
  run(content: Buffer, recordCount: number): string | undefined {
    const { keysRequired, timestampType, now, timestampBeforeMaxMs, timestampAfterMaxMs } = this.#rules
    const isCreateTime = timestampType === 'CreateTime'
    const timestampMin = Math.max(now - timestampBeforeMaxMs, Number.MIN_SAFE_INTEGER)
    const timestampMax = Math.min(now + timestampAfterMaxMs, Number.MAX_SAFE_INTEGER)
    const cursor = new RecordCursor(content)
    let index = 0
    for (; cursor.next(); index++) {
      if (index === recordCount) return `the batch has more than the ${recordCount} records it counts`
      if (cursor.offsetDelta !== index) return `record ${index} has offset delta ${cursor.offsetDelta}`
      if (keysRequired && cursor.keyLength < 0) {
        this.#blame(index, 'compacted topic cannot accept message without key')
        continue
      }
      const timestamp = this.#baseTimestamp + cursor.timestampDelta
      if (isCreateTime && timestamp !== NO_TIMESTAMP && !(timestamp >= timestampMin && timestamp <= timestampMax)) {
        this.hasTimestampError = true
        this.#blame(index, `timestamp ${timestamp} is out of range, which is ${timestampMin} to ${timestampMax}`)
        continue
      }
      if (timestamp > this.maxTimestamp) {
        this.maxTimestamp = timestamp
        this.maxTimestampOffsetDelta = index
      }
    }
    if (cursor.problem !== undefined) return cursor.problem
    return index === recordCount ? undefined : `the batch has ${index} records, not the ${recordCount} it counts`
  }

  #blame(batchIndex: number, message: string): void {
    if (this.errors.length < RECORD_ERRORS_MAX) this.errors.push({ batchIndex, message })
  }
}
