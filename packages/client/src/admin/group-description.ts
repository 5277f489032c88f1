import { DescribeGroups, errorCode } from '@millrace/protocol'
import type { CallOptions } from '../client-options.ts'
import type { Cluster } from '../cluster/cluster.ts'
import { decodeAssignment, decodeSubscription } from '../consumer/subscription-codec.ts'
import { wireError } from '../errors.ts'
import type { TopicPartition } from '../record.ts'

export interface GroupMemberDescription {
  readonly memberId: string
  readonly groupInstanceId: string | null
  readonly clientId: string
  readonly clientHost: string
  /** What it subscribes to; empty for what is no consumer. */
  readonly topics: readonly string[]
  /** What it reads; empty for what is no consumer. */
  readonly assigned: readonly TopicPartition[]
  /** As the member and the leader of its group wrote them. */
  readonly metadata: Buffer
  readonly assignment: Buffer
}

export interface GroupDescription {
  readonly groupId: string
  readonly state: string
  readonly protocolType: string
  /** The assignor, for consumers. */
  readonly protocol: string
  readonly members: readonly GroupMemberDescription[]
  readonly coordinatorId: number
}

export function describeGroups(cluster: Cluster, groupId: string, call: CallOptions): Promise<GroupDescription> {
  return cluster.coordinated(groupId, call, async connection => {
    const { groups } = await connection.request(
      DescribeGroups,
      { groups: [groupId], includeAuthorizedOperations: false },
      { signal: call.signal },
    )
    const group = groups[0]
    if (group === undefined) throw wireError(errorCode('GROUP_ID_NOT_FOUND'), `group '${groupId}'`)
    if (group.errorCode !== 0) throw wireError(group.errorCode, `group '${groupId}'`, { detail: group.errorMessage })
    // Below version 6 a group that does not exist is described as dead.
    if (group.groupState === 'Dead' && group.members.length === 0)
      throw wireError(errorCode('GROUP_ID_NOT_FOUND'), `group '${groupId}'`)
    const { id } = await cluster.coordinatorNode(groupId)
    const isConsumer = group.protocolType === 'consumer'
    return {
      groupId,
      state: group.groupState,
      protocolType: group.protocolType,
      protocol: group.protocolData,
      coordinatorId: id,
      members: group.members.map(member => describeMember(member, isConsumer)),
    }
  })
}

interface WireMember {
  readonly memberId: string
  readonly groupInstanceId: string | null
  readonly clientId: string
  readonly clientHost: string
  readonly memberMetadata: Buffer
  readonly memberAssignment: Buffer
}

function describeMember(member: WireMember, isConsumer: boolean): GroupMemberDescription {
  const {
    memberId,
    groupInstanceId,
    clientId,
    clientHost,
    memberMetadata: metadata,
    memberAssignment: assignment,
  } = member
  return {
    memberId,
    groupInstanceId,
    clientId,
    clientHost,
    topics: isConsumer ? readable(() => decodeSubscription({ memberId, groupInstanceId, metadata }).topics) : [],
    assigned: isConsumer ? readable(() => decodeAssignment(assignment)) : [],
    metadata,
    assignment,
  }
}

/** Members write what they like: what cannot be read is shown as nothing, and the bytes are there. */
function readable<T>(read: () => readonly T[]): readonly T[] {
  try {
    return read()
  } catch {
    return []
  }
}
