import { type ErrorName, errorCode, FindCoordinator } from '@millrace/protocol'
import { handler } from '../server/handler.ts'
import type { RequestContext } from '../server/request-context.ts'
import type { Services } from '../services.ts'

const GROUP = 0
const TRANSACTION = 1
const LISTS_SINCE = 4

interface Found {
  readonly key: string
  readonly nodeId: number
  readonly host: string
  readonly port: number
  readonly errorCode: number
  readonly errorMessage: string | null
}

export const findCoordinator = handler(FindCoordinator, (services, request, cx) => {
  if (cx.version >= LISTS_SINCE)
    return { coordinators: request.coordinatorKeys.map(key => find(services, key, request.keyType, cx)) }
  const { nodeId, host, port, errorCode: code, errorMessage } = find(services, request.key, request.keyType, cx)
  return {
    errorCode: code,
    errorMessage: cx.version >= 1 ? errorMessage : undefined,
    nodeId,
    host,
    port,
    coordinators: [],
  }
})

function find(services: Services, key: string, keyType: number, cx: RequestContext): Found {
  if (keyType !== GROUP && keyType !== TRANSACTION)
    return refused(key, 'INVALID_REQUEST', `Unknown coordinator key type ${keyType}.`)
  if (keyType === GROUP && !cx.mayDo('DESCRIBE', 'GROUP', key))
    return refused(key, 'GROUP_AUTHORIZATION_FAILED', 'Not authorized to access this group.')
  if (keyType === TRANSACTION && !cx.mayDo('DESCRIBE', 'TRANSACTIONAL_ID', key))
    return refused(key, 'TRANSACTIONAL_ID_AUTHORIZATION_FAILED', 'Not authorized to use this transactional id.')
  const coordinator = services.coordinators.nodeOf(key)
  const broker = services.brokers(cx.connection.listener).find(({ nodeId: id }) => id === coordinator)
  if (broker === undefined) return refused(key, 'COORDINATOR_NOT_AVAILABLE', 'The coordinator is not available.')
  const { nodeId, host, port } = broker
  return { key, nodeId, host, port, errorCode: 0, errorMessage: cx.version >= LISTS_SINCE ? '' : 'NONE' }
}

const refused = (key: string, error: ErrorName, errorMessage: string): Found => ({
  key,
  nodeId: -1,
  host: '',
  port: -1,
  errorCode: errorCode(error),
  errorMessage,
})
