import { LeaveGroup } from '@millrace/protocol'
import { handler } from '../server/handler.ts'
import { askGroup, codeOf, refuseGroup } from './group-replies.ts'

/** From this version on several members may leave at once, and each has an answer of its own. */
const BATCHES_SINCE = 3

export const leaveGroup = handler(LeaveGroup, async (services, request, cx) => {
  const unauthorized = refuseGroup(services, cx, 'READ', request.groupId)
  if (unauthorized !== undefined) return { errorCode: codeOf(unauthorized), members: [] }
  const isBatch = cx.version >= BATCHES_SINCE
  const members = isBatch
    ? request.members.map(m => ({ memberId: m.memberId, instanceId: m.groupInstanceId }))
    : [{ memberId: request.memberId, instanceId: null }]
  const reply = await askGroup(
    { services, cx },
    request.groupId,
    (id, now) => ({ kind: 'leave', now, request: id, members }),
    'left',
    'leaveRefused',
  )
  if (reply.kind === 'leaveRefused') return { errorCode: codeOf(reply.error), members: [] }
  if (!isBatch) return { errorCode: codeOf(reply.members[0]?.error ?? 'NONE'), members: [] }
  return {
    errorCode: 0,
    members: reply.members.map(m => ({
      memberId: m.memberId,
      groupInstanceId: m.instanceId,
      errorCode: codeOf(m.error),
    })),
  }
})
