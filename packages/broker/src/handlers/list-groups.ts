import { ListGroups } from '@millrace/protocol'
import { CLUSTER } from '../security/authorizer.ts'
import { handler } from '../server/handler.ts'

export const listGroups = handler(ListGroups, (services, request, cx) => {
  const states = new Set(request.statesFilter.map(state => state.toLowerCase()))
  const types = new Set(request.typesFilter.map(type => type.toLowerCase()))
  const seesAll = cx.mayDo('DESCRIBE', 'CLUSTER', CLUSTER)
  const groups = services.groups
    .list()
    .filter(({ state }) => states.size === 0 || states.has(state.toLowerCase()))
    .filter(({ type }) => types.size === 0 || types.has(type))
    .filter(({ groupId }) => seesAll || cx.mayDo('DESCRIBE', 'GROUP', groupId))
    .map(({ groupId, protocolType, state, type }) => ({ groupId, protocolType, groupState: state, groupType: type }))
  return { errorCode: 0, groups }
})
