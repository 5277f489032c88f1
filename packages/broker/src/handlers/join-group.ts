import { JoinGroup } from '@millrace/protocol'
import { handler } from '../server/handler.ts'
import { askGroup, bufferOf, codeOf, kept, refuseGroup } from './group-replies.ts'

/** KIP-394. */
const MEMBER_ID_REQUIRED_SINCE = 4
/** KIP-814. */
const SKIPS_ASSIGNMENT_SINCE = 9
/** From here on a missing protocol name is null. */
const NULL_PROTOCOL_SINCE = 7

export const joinGroup = handler(JoinGroup, async (services, request, cx) => {
  const noProtocol = cx.version >= NULL_PROTOCOL_SINCE ? null : ''
  const refuse = (error: Parameters<typeof codeOf>[0], memberId: string) => ({
    errorCode: codeOf(error),
    generationId: -1,
    protocolName: noProtocol,
    leader: '',
    memberId,
    members: [],
  })
  const unauthorized = refuseGroup(services, cx, 'READ', request.groupId)
  if (unauthorized !== undefined) return refuse(unauthorized, request.memberId)
  const reply = await askGroup(
    { services, cx },
    request.groupId,
    (id, now) => ({
      kind: 'join',
      now,
      request: id,
      memberId: request.memberId,
      instanceId: request.groupInstanceId,
      clientId: cx.clientId,
      clientHost: `/${cx.connection.clientHost}`,
      uuid: request.memberId === '' ? services.groups.memberUuid() : '',
      sessionTimeoutMs: request.sessionTimeoutMs,
      rebalanceTimeoutMs: cx.version >= 1 ? request.rebalanceTimeoutMs : request.sessionTimeoutMs,
      protocolType: request.protocolType,
      protocols: request.protocols.map(({ name, metadata }) => ({ name, metadata: kept(metadata) })),
      memberIdRequired: cx.version >= MEMBER_ID_REQUIRED_SINCE,
      supportsSkippingAssignment: cx.version >= SKIPS_ASSIGNMENT_SINCE,
    }),
    'joined',
    'joinRefused',
  )
  if (reply.kind === 'joinRefused') return refuse(reply.error, reply.memberId)
  return {
    errorCode: 0,
    generationId: reply.generation,
    protocolType: reply.protocolType,
    protocolName: reply.protocolName,
    leader: reply.leader,
    skipAssignment: reply.skipAssignment,
    memberId: reply.memberId,
    members: reply.members.map(m => ({
      memberId: m.memberId,
      groupInstanceId: m.instanceId,
      metadata: bufferOf(m.metadata),
    })),
  }
})
