import { SyncGroup } from '@millrace/protocol'
import { handler } from '../server/handler.ts'
import { askGroup, bufferOf, codeOf, kept, refuseGroup } from './group-replies.ts'

const NO_ASSIGNMENT = Buffer.alloc(0)
/** From this version on a request says which protocol it means. */
const PROTOCOL_SINCE = 5

export const syncGroup = handler(SyncGroup, async (services, request, cx) => {
  const refuse = (error: Parameters<typeof codeOf>[0]) => ({ errorCode: codeOf(error), assignment: NO_ASSIGNMENT })
  const unauthorized = refuseGroup(services, cx, 'READ', request.groupId)
  if (unauthorized !== undefined) return refuse(unauthorized)
  if (cx.version >= PROTOCOL_SINCE && (request.protocolType === null || request.protocolName === null))
    return refuse('INCONSISTENT_GROUP_PROTOCOL')
  const reply = await askGroup(
    { services, cx },
    request.groupId,
    (id, now) => ({
      kind: 'sync',
      now,
      request: id,
      memberId: request.memberId,
      instanceId: request.groupInstanceId,
      generation: request.generationId,
      protocolType: request.protocolType,
      protocolName: request.protocolName,
      assignments: new Map(request.assignments.map(a => [a.memberId, kept(a.assignment)])),
    }),
    'synced',
    'syncRefused',
  )
  if (reply.kind === 'syncRefused') return refuse(reply.error)
  return {
    errorCode: 0,
    protocolType: reply.protocolType,
    protocolName: reply.protocolName,
    assignment: bufferOf(reply.assignment),
  }
})
