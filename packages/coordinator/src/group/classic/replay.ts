/** The durable part of a group, both ways: `groupRecord` writes it, `replay` is the only way back. */
import type { GroupRecord } from '../record.ts'
import { metadataFor } from './select-protocol.ts'
import { type Empty, type Member, type MemberId, membersOf, NO_IDS, type Stable, sessionTimerOf } from './state.ts'
import { subscribedTopicsOf } from './subscription.ts'

export function groupRecord(state: Empty | Stable): GroupRecord {
  return {
    groupId: state.groupId,
    protocolType: state.protocolType ?? '',
    generation: state.generation,
    protocolName: state.protocolName,
    leader: state.kind === 'Stable' ? state.leader : null,
    currentStateTimestampMs: state.stateTimestampMs,
    members: [...membersOf(state).values()].map(member => ({
      memberId: member.memberId,
      instanceId: member.instanceId,
      clientId: member.clientId,
      clientHost: member.clientHost,
      rebalanceTimeoutMs: member.rebalanceTimeoutMs,
      sessionTimeoutMs: member.sessionTimeoutMs,
      subscription: metadataFor(member, state.protocolName ?? ''),
      assignment: member.assignment,
    })),
  }
}

/**
 * Members come back with the protocol that was chosen and no other. They have no timers yet: step the group with `loaded`
 * before it serves anyone.
 */
export function replay(record: GroupRecord): Empty | Stable {
  const protocolType = record.protocolType === '' ? null : record.protocolType
  const members = membersOfRecord(record)
  const leader = record.leader !== null && members.has(record.leader) ? record.leader : members.keys().next().value
  const body = {
    groupId: record.groupId,
    generation: record.generation,
    stateTimestampMs: record.currentStateTimestampMs,
    subscribedTopics: subscribedTopicsOf(protocolType, record.protocolName, members),
    pendingMembers: NO_IDS,
  }
  if (leader === undefined || members.size === 0 || protocolType === null || record.protocolName === null) {
    return { kind: 'Empty', ...body, protocolType, protocolName: record.protocolName }
  }
  return {
    kind: 'Stable',
    ...body,
    protocolType,
    protocolName: record.protocolName,
    members,
    leader,
    pendingSync: NO_IDS,
  }
}

function membersOfRecord(record: GroupRecord): Map<MemberId, Member> {
  return new Map(
    record.members.map(member => [
      member.memberId,
      {
        memberId: member.memberId,
        sessionTimer: sessionTimerOf(member.memberId),
        instanceId: member.instanceId,
        clientId: member.clientId,
        clientHost: member.clientHost,
        rebalanceTimeoutMs: member.rebalanceTimeoutMs === -1 ? member.sessionTimeoutMs : member.rebalanceTimeoutMs,
        sessionTimeoutMs: member.sessionTimeoutMs,
        protocols: [{ name: record.protocolName ?? '', metadata: member.subscription }],
        assignment: member.assignment,
        isNew: false,
      },
    ]),
  )
}
