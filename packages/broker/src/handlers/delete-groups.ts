import { DeleteGroups } from '@millrace/protocol'
import { mapInTurns } from '../runtime/in-turns.ts'
import { handler } from '../server/handler.ts'
import type { RequestContext } from '../server/request-context.ts'
import type { Services } from '../services.ts'
import { answerByGroup, codeOf, refuseGroup } from './group-replies.ts'

export const deleteGroups = handler(DeleteGroups, async (services, request, cx) => ({
  throttleTimeMs: 0,
  results: await mapInTurns([...new Set(request.groupsNames)], groupId => remove(services, groupId, cx)),
}))

async function remove(services: Services, groupId: string, cx: RequestContext) {
  const unauthorized = refuseGroup(services, cx, 'DELETE', groupId)
  if (unauthorized !== undefined) return { groupId, errorCode: codeOf(unauthorized) }
  return answerByGroup(
    { services, cx },
    groupId,
    (id, now, { offsets, transactions }) => ({ kind: 'deleteGroup', now, request: id, offsets, transactions }),
    {
      groupDeleted: () => ({ groupId, errorCode: 0 }),
      deleteRefused: ({ error }) => ({ groupId, errorCode: codeOf(error) }),
    },
  )
}
