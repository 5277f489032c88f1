export type { CompressionCodec } from '@millrace/protocol'
export type { CallOptions, ClientOptions } from './client-options.ts'
export type { BrokerNode } from './cluster/cluster-view.ts'
export type { GroupMember, PartitionOffset } from './cluster/group-offsets.ts'
export type { Isolation } from './cluster/list-offsets.ts'
export type {
  Assignment,
  Assignor,
  AssignorInput,
  MemberSubscription,
  OwnState,
} from './consumer/assignors/assignor.ts'
export { type AssignorName, assignors } from './consumer/assignors/by-name.ts'
export { Consumer, type ReadOptions } from './consumer/consumer.ts'
export type { ConsumerBatch } from './consumer/consumer-batch.ts'
export type { ConsumerOptions, OffsetReset, RebalanceListener } from './consumer/consumer-options.ts'
export { type ClientErrorName, KafkaError, type KafkaErrorCode } from './errors.ts'
export { murmur2, partitionOfKey } from './producer/murmur2.ts'
export { defaultPartitioner, type Partitioner, type PartitionerInput } from './producer/partitioner.ts'
export { Producer, type SendOptions } from './producer/producer.ts'
export type { Acks, ProducerOptions } from './producer/producer-options.ts'
export type {
  ConsumerRecord,
  HeadersInput,
  OffsetAndMetadata,
  ProducerRecord,
  RecordHeader,
  RecordMetadata,
  TopicPartition,
} from './record.ts'
export { type Deserializer, type Serde, type Serializer, serdes } from './serdes.ts'
