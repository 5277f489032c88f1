import type { LeftMember } from '@millrace/coordinator'
import { LeaveGroup } from '@millrace/protocol'
import { handler } from '../server/handler.ts'
import { answerByGroup, codeOf, refuseGroup } from './group-replies.ts'

/** From this version on several members may leave at once, and each has an answer of its own. */
const BATCHES_SINCE = 3

export const leaveGroup = handler(LeaveGroup, (services, request, cx) => {
  const unauthorized = refuseGroup(services, cx, 'READ', request.groupId)
  if (unauthorized !== undefined) return { errorCode: codeOf(unauthorized), members: [] }
  const isBatch = cx.version >= BATCHES_SINCE
  const members = isBatch
    ? request.members.map(m => ({ memberId: m.memberId, instanceId: m.groupInstanceId }))
    : [{ memberId: request.memberId, instanceId: null }]
  return answerByGroup({ services, cx }, request.groupId, (id, now) => ({ kind: 'leave', now, request: id, members }), {
    left: isBatch
      ? ({ members: left }) => ({ errorCode: 0, members: left.map(outcome) })
      : ({ members: [only] }) => ({ errorCode: codeOf(only?.error ?? 'NONE'), members: [] }),
    leaveRefused: ({ error }) => ({ errorCode: codeOf(error), members: [] }),
  })
})

function outcome({ memberId, instanceId, error }: LeftMember) {
  return { memberId, groupInstanceId: instanceId, errorCode: codeOf(error) }
}
