import type { HeartbeatAnswered } from '@millrace/coordinator'
import { Heartbeat } from '@millrace/protocol'
import { handler } from '../server/handler.ts'
import { answerByGroup, codeOf, refuseGroup } from './group-replies.ts'

const ANSWERS = { heartbeat: ({ error }: HeartbeatAnswered) => ({ errorCode: codeOf(error) }) }

export const heartbeat = handler(Heartbeat, (services, request, cx) => {
  const unauthorized = refuseGroup(services, cx, 'READ', request.groupId)
  if (unauthorized !== undefined) return { errorCode: codeOf(unauthorized) }
  const { groupId, memberId, groupInstanceId: instanceId, generationId: generation } = request
  return answerByGroup(
    { services, cx },
    groupId,
    (id, now) => ({ kind: 'heartbeat', now, request: id, memberId, instanceId, generation }),
    ANSWERS,
  )
})
