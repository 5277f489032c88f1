import { DescribeGroups, type DescribeGroupsRequest, type DescribeGroupsResponseInput } from '@millrace/protocol'
import { authorizedOperations, OPERATIONS_NOT_ASKED } from '../security/authorizer.ts'
import { handler } from '../server/handler.ts'
import type { RequestContext } from '../server/request-context.ts'
import type { Services } from '../services.ts'
import { bufferOf, codeOf, refuseGroup } from './group-replies.ts'

type GroupAnswer = DescribeGroupsResponseInput['groups'][number]

/** Before this version a group that does not exist is Dead, and that is no error. */
const NOT_FOUND_SINCE = 6

export const describeGroups = handler(DescribeGroups, (services, request, cx) => ({
  groups: request.groups.map(groupId => describe(services, groupId, request, cx)),
}))

function describe(
  services: Services,
  groupId: string,
  request: DescribeGroupsRequest,
  cx: RequestContext,
): GroupAnswer {
  const absent = { groupId, groupState: '', protocolType: '', protocolData: '', members: [] }
  const unauthorized = refuseGroup(services, cx, 'DESCRIBE', groupId)
  if (unauthorized !== undefined) return { ...absent, errorCode: codeOf(unauthorized) }
  const group = services.groups.describe(groupId)
  if (group.state === 'Dead' && cx.version >= NOT_FOUND_SINCE)
    return {
      ...absent,
      groupState: 'Dead',
      errorCode: codeOf('GROUP_ID_NOT_FOUND'),
      errorMessage: `Group ${groupId} not found.`,
    }
  return {
    errorCode: 0,
    groupId,
    groupState: group.state,
    protocolType: group.protocolType,
    protocolData: group.protocolName,
    members: group.members.map(m => ({
      memberId: m.memberId,
      groupInstanceId: m.instanceId,
      clientId: m.clientId,
      clientHost: m.clientHost,
      memberMetadata: bufferOf(m.metadata),
      memberAssignment: bufferOf(m.assignment),
    })),
    authorizedOperations: request.includeAuthorizedOperations
      ? authorizedOperations(cx, 'GROUP', groupId)
      : OPERATIONS_NOT_ASKED,
  }
}
