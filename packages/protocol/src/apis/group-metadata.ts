/** The value of a group's record in `__consumer_offsets`: int16 version, then these fields. */
import { message } from '../schema/api.ts'
import { array, bytes, int32, long, string, struct } from '../schema/field.ts'

export const GROUP_METADATA_VERSION_MAX = 4

export const GroupMetadataValue = message(4, {
  protocolType: string(),
  generation: int32(),
  protocol: string().nullable(),
  leader: string().nullable(),
  currentStateTimestamp: long().since(2).default(-1).ignorable(),
  members: array(
    struct({
      memberId: string(),
      groupInstanceId: string().since(3).nullable().default(null).ignorable(),
      clientId: string(),
      clientHost: string(),
      rebalanceTimeout: int32().since(1).default(-1).ignorable(),
      sessionTimeout: int32(),
      subscription: bytes(),
      assignment: bytes(),
    }),
  ),
})
