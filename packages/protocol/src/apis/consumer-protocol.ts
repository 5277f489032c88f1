/** What classic consumers tell each other through the group: opaque to the broker, but for the topics that a member subscribes to. */
import { type Infer, message } from '../schema/api.ts'
import { array, bytes, int32, string, struct } from '../schema/field.ts'

export const CONSUMER_PROTOCOL_VERSION_MAX = 3

/** Each version is a prefix of the next, so any version may be read as an earlier one. */
export const ConsumerProtocolSubscription = message(Infinity, {
  topics: array(string()),
  userData: bytes().nullable().default(null),
  ownedPartitions: array(struct({ topic: string(), partitions: array(int32()) }))
    .since(1)
    .ignorable(),
  generationId: int32().since(2).default(-1).ignorable(),
  rackId: string().since(3).nullable().default(null).ignorable(),
})

export const ConsumerProtocolAssignment = message(Infinity, {
  assignedPartitions: array(struct({ topic: string(), partitions: array(int32()) })),
  userData: bytes().nullable().default(null),
})

export interface Subscription extends Infer<typeof ConsumerProtocolSubscription> {}
export interface Assignment extends Infer<typeof ConsumerProtocolAssignment> {}
