import type { JoinError, Joined, JoinRefused } from '@millrace/coordinator'
import { type ErrorName, JoinGroup, type JoinGroupResponseInput } from '@millrace/protocol'
import { handler } from '../server/handler.ts'
import type { RequestContext } from '../server/request-context.ts'
import { answerByGroup, bufferOf, codeOf, kept, refuseGroup } from './group-replies.ts'

/** KIP-394. */
const MEMBER_ID_REQUIRED_SINCE = 4
/** KIP-814. */
const SKIPS_ASSIGNMENT_SINCE = 9
/** From here on a missing protocol name is null. */
const NULL_PROTOCOL_SINCE = 7

const ANSWERS = {
  joined: (reply: Joined): JoinGroupResponseInput => ({
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
  }),
  joinRefused: ({ error, memberId }: JoinRefused, cx: RequestContext) => refused(error, memberId, cx),
}

function refused(error: ErrorName | JoinError, memberId: string, cx: RequestContext): JoinGroupResponseInput {
  return {
    errorCode: codeOf(error),
    generationId: -1,
    protocolName: cx.version >= NULL_PROTOCOL_SINCE ? null : '',
    leader: '',
    memberId,
    members: [],
  }
}

export const joinGroup = handler(JoinGroup, (services, request, cx) => {
  const unauthorized = refuseGroup(services, cx, 'READ', request.groupId)
  if (unauthorized !== undefined) return refused(unauthorized, request.memberId, cx)
  return answerByGroup(
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
    ANSWERS,
  )
})
