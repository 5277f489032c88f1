import { Heartbeat } from '@millrace/protocol'
import { handler } from '../server/handler.ts'
import { askGroup, codeOf, refuseGroup } from './group-replies.ts'

export const heartbeat = handler(Heartbeat, async (services, request, cx) => {
  const unauthorized = refuseGroup(services, cx, 'READ', request.groupId)
  if (unauthorized !== undefined) return { errorCode: codeOf(unauthorized) }
  const { groupId, memberId, groupInstanceId: instanceId, generationId: generation } = request
  const reply = await askGroup(
    { services, cx },
    groupId,
    (id, now) => ({ kind: 'heartbeat', now, request: id, memberId, instanceId, generation }),
    'heartbeat',
  )
  return { errorCode: codeOf(reply.error) }
})
