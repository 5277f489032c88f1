/**
 * Records of `__cluster_metadata` that an import needs. A record has no key; its value is
 *
 *   unsigned varint frame version (1)   unsigned varint record type   unsigned varint version   then the fields
 */
import { int8, int32, long, message, string, uuid } from '@millrace/protocol'

export const TopicRecord = message(0, { name: string(), topicId: uuid() })
export const ConfigRecord = message(0, {
  resourceType: int8(),
  resourceName: string(),
  name: string(),
  value: string().nullable(),
})
export const RemoveTopicRecord = message(0, { topicId: uuid() })
export const ProducerIdsRecord = message(0, { brokerId: int32(), brokerEpoch: long(), nextProducerId: long() })

export const recordTypes = { topic: 2, partition: 3, config: 4, removeTopic: 9, producerIds: 15 } as const
export const TOPIC_RESOURCE = 2
