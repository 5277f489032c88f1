/** What DescribeGroups and ListGroups see of a classic group. State names are Kafka's own. */
import { metadataFor } from './select-protocol.ts'
import { type GroupState, type GroupStateKind, membersOf, NO_BYTES } from './state.ts'

export interface GroupDescription {
  readonly groupId: string
  /** Dead stands for a group that does not exist. */
  readonly state: GroupStateKind
  readonly protocolType: string
  /** The chosen protocol, once the group is stable. */
  readonly protocolName: string
  readonly members: readonly MemberDescription[]
}

export interface MemberDescription {
  readonly memberId: string
  readonly instanceId: string | null
  readonly clientId: string
  readonly clientHost: string
  readonly metadata: Uint8Array
  readonly assignment: Uint8Array
}

/** Protocol and metadata are only meaningful, and only shown, when the group is stable. */
export function describeGroup(state: GroupState): GroupDescription {
  const isStable = state.kind === 'Stable'
  return {
    groupId: state.groupId,
    state: state.kind,
    protocolType: protocolTypeOf(state),
    protocolName: isStable ? state.protocolName : '',
    members: [...membersOf(state).values()].map(member => ({
      memberId: member.memberId,
      instanceId: member.instanceId,
      clientId: member.clientId,
      clientHost: member.clientHost,
      metadata: isStable ? metadataFor(member, state.protocolName) : NO_BYTES,
      assignment: member.assignment,
    })),
  }
}

export interface GroupListing {
  readonly groupId: string
  readonly protocolType: string
  readonly state: GroupStateKind
  readonly type: 'classic'
}

export function listGroup(state: GroupState): GroupListing {
  return { groupId: state.groupId, protocolType: protocolTypeOf(state), state: state.kind, type: 'classic' }
}

function protocolTypeOf(state: GroupState): string {
  return state.kind === 'Dead' ? '' : (state.protocolType ?? '')
}
