import { DescribeCluster, type DescribeClusterResponseInput, type ErrorName, errorCode } from '@millrace/protocol'
import { authorizedOperations, CLUSTER, OPERATIONS_NOT_ASKED } from '../security/authorizer.ts'
import { handler } from '../server/handler.ts'

const BROKERS = 1
const CONTROLLERS = 2

export const describeCluster = handler(DescribeCluster, (services, request, cx) => {
  if (request.endpointType === CONTROLLERS)
    return refused(
      'MISMATCHED_ENDPOINT_TYPE',
      'The request was sent to an endpoint of type BROKER, but we wanted an endpoint of type CONTROLLER',
    )
  if (request.endpointType !== BROKERS)
    return refused('UNSUPPORTED_ENDPOINT_TYPE', `Unsupported endpoint type ${request.endpointType}`)
  const brokers = services.brokers(cx.connection.listener)
  return {
    throttleTimeMs: 0,
    errorCode: 0,
    clusterId: services.image.clusterId,
    controllerId: brokers[0]?.nodeId ?? services.config.nodeId,
    brokers: brokers.map(({ nodeId, host, port, rack }) => ({ brokerId: nodeId, host, port, rack })),
    clusterAuthorizedOperations: request.includeClusterAuthorizedOperations
      ? authorizedOperations(cx, 'CLUSTER', CLUSTER)
      : OPERATIONS_NOT_ASKED,
  }
})

const refused = (error: ErrorName, errorMessage: string): DescribeClusterResponseInput => ({
  throttleTimeMs: 0,
  errorCode: errorCode(error),
  errorMessage,
  clusterId: '',
  brokers: [],
})
