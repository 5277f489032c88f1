import type { SyncError, Synced, SyncRefused } from '@millrace/coordinator'
import { type ErrorName, SyncGroup, type SyncGroupRequest, type SyncGroupResponseInput } from '@millrace/protocol'
import { handler } from '../server/handler.ts'
import { answerByGroup, bufferOf, codeOf, kept, refuseGroup } from './group-replies.ts'

const NO_ASSIGNMENT = Buffer.alloc(0)
/** From this version on a request says which protocol it means. */
const PROTOCOL_SINCE = 5

const ANSWERS = {
  synced: (reply: Synced): SyncGroupResponseInput => ({
    errorCode: 0,
    protocolType: reply.protocolType,
    protocolName: reply.protocolName,
    assignment: bufferOf(reply.assignment),
  }),
  syncRefused: ({ error }: SyncRefused) => refused(error),
}

function refused(error: ErrorName | SyncError): SyncGroupResponseInput {
  return { errorCode: codeOf(error), assignment: NO_ASSIGNMENT }
}

const NO_ASSIGNMENTS: ReadonlyMap<string, Uint8Array> = new Map()

/** The leader's; all others have none. */
function assignmentsOf({ assignments }: SyncGroupRequest): ReadonlyMap<string, Uint8Array> {
  if (assignments.length === 0) return NO_ASSIGNMENTS
  return new Map(assignments.map(a => [a.memberId, kept(a.assignment)]))
}

export const syncGroup = handler(SyncGroup, (services, request, cx) => {
  const unauthorized = refuseGroup(services, cx, 'READ', request.groupId)
  if (unauthorized !== undefined) return refused(unauthorized)
  if (cx.version >= PROTOCOL_SINCE && (request.protocolType === null || request.protocolName === null))
    return refused('INCONSISTENT_GROUP_PROTOCOL')
  return answerByGroup(
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
      assignments: assignmentsOf(request),
    }),
    ANSWERS,
  )
})
