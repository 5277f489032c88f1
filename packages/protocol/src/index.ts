export * from './apis/add-offsets-to-txn.ts'
export * from './apis/add-partitions-to-txn.ts'
export { apis } from './apis/all.ts'
export * from './apis/alter-configs.ts'
export * from './apis/alter-partition-reassignments.ts'
export * from './apis/api-versions.ts'
export * from './apis/consumer-protocol.ts'
export * from './apis/create-partitions.ts'
export * from './apis/create-topics.ts'
export * from './apis/delete-groups.ts'
export * from './apis/delete-records.ts'
export * from './apis/delete-topics.ts'
export * from './apis/describe-cluster.ts'
export * from './apis/describe-configs.ts'
export * from './apis/describe-groups.ts'
export * from './apis/describe-log-dirs.ts'
export * from './apis/describe-producers.ts'
export * from './apis/describe-topic-partitions.ts'
export * from './apis/describe-transactions.ts'
export * from './apis/elect-leaders.ts'
export * from './apis/end-txn.ts'
export * from './apis/fetch.ts'
export * from './apis/find-coordinator.ts'
export * from './apis/group-metadata.ts'
export * from './apis/heartbeat.ts'
export * from './apis/incremental-alter-configs.ts'
export * from './apis/init-producer-id.ts'
export * from './apis/join-group.ts'
export * from './apis/leave-group.ts'
export * from './apis/list-config-resources.ts'
export * from './apis/list-groups.ts'
export * from './apis/list-offsets.ts'
export * from './apis/list-partition-reassignments.ts'
export * from './apis/list-transactions.ts'
export * from './apis/metadata.ts'
export * from './apis/offset-commit.ts'
export * from './apis/offset-delete.ts'
export * from './apis/offset-fetch.ts'
export * from './apis/offset-for-leader-epoch.ts'
export * from './apis/produce.ts'
export * from './apis/sync-group.ts'
export * from './apis/transaction-log.ts'
export * from './apis/txn-offset-commit.ts'
export * from './apis/update-features.ts'
export * from './apis/write-txn-markers.ts'
export { type ErrorName, errorCode, errorName, isRetriable, refreshesMetadata } from './errors.ts'
export * from './records/batch.ts'
export { BatchBuilder, type BatchFields, type RecordFields } from './records/batch-builder.ts'
export {
  type CompressionCodec,
  CompressionError,
  type CompressionErrorCode,
  compress,
  compressionCodecOf,
  compressionCodecs,
  compressionIds,
  type DecompressOptions,
  decompress,
} from './records/compression.ts'
export * from './records/control.ts'
export { crc32c } from './records/crc32c.ts'
export { type RecompressOptions, recompressBatch } from './records/recompress.ts'
export * from './records/record.ts'
export { RecordCursor, varintSize, writeVarint } from './records/record-cursor.ts'
export {
  type BatchError,
  type BatchRefusal,
  type BatchRules,
  type RecordError,
  type ValidBatch,
  validateBatch,
} from './records/validate.ts'
export { type Api, api, type Infer, type InferInput, Message, message } from './schema/api.ts'
export { EncodedArray } from './schema/encoded-array.ts'
export * from './schema/field.ts'
export {
  type RequestHeader,
  readRequestRest,
  readRequestStart,
  readResponseHeader,
  responseHeaderIsFlexible,
  writeRequestHeader,
  writeResponseHeader,
} from './wire/header.ts'
export { MalformedError, UnsupportedVersionError } from './wire/malformed.ts'
export { ELEMENTS_MAX, Reader, STRING_BYTES_MAX } from './wire/reader.ts'
export { Writer } from './wire/writer.ts'
