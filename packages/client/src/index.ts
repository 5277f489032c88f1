export type { CompressionCodec } from '@millrace/protocol'
export { Admin } from './admin/admin.ts'
export type {
  ApiSupport,
  ClusterAdmin,
  ClusterDescription,
  LogDirDescription,
  LogDirsOptions,
  ReplicaOnDisk,
} from './admin/cluster-admin.ts'
export type { ConfigEntry, ConfigSource, ConfigSynonym, ConfigType } from './admin/config-entry.ts'
export type {
  ConfigAlteration,
  ConfigReplacement,
  ConfigResource,
  ConfigResourceType,
  ConfigsAdmin,
  DescribeConfigsOptions,
} from './admin/configs-admin.ts'
export type { GroupDescription, GroupMemberDescription } from './admin/group-description.ts'
export type { GroupListing, GroupsAdmin, ListGroupsOptions, MemberToRemove } from './admin/groups-admin.ts'
export type {
  ActiveProducer,
  CreatedTopic,
  NewPartitions,
  NewTopic,
  RecordsToDelete,
  ValidateOptions,
} from './admin/new-topic.ts'
export type { ListOffsetsOptions, OffsetAt, OffsetPosition, OffsetsAdmin } from './admin/offsets-admin.ts'
export type { ElectLeadersOptions, Reassignment, ReplicasAdmin, RunningReassignment } from './admin/replicas-admin.ts'
export type { PartitionDescription, TopicDescription, TopicListing } from './admin/topic-description.ts'
export type { TopicsAdmin } from './admin/topics-admin.ts'
export type { CallOptions, ClientOptions } from './client-options.ts'
export type { BrokerNode } from './cluster/cluster-view.ts'
export type { GroupMember, PartitionOffset } from './cluster/group-offsets.ts'
export type { EpochEnd, EpochQuery, FoundOffset, Isolation } from './cluster/list-offsets.ts'
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
export type { ErrorCategory } from './error-category.ts'
export { type ClientErrorName, KafkaError, type KafkaErrorCode } from './errors.ts'
export { type ExactlyOnceOptions, runExactlyOnce, type TransformResult } from './exactly-once/run-exactly-once.ts'
export { murmur2, partitionOfKey } from './producer/murmur2.ts'
export { defaultPartitioner, type Partitioner, type PartitionerInput } from './producer/partitioner.ts'
export { Producer, type SendOptions } from './producer/producer.ts'
export type { Acks, ProducerOptions } from './producer/producer-options.ts'
export { Transaction } from './producer/transaction.ts'
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
