import { api, type Infer, type InferInput } from '../schema/api.ts'
import { array, bool, int8, int16, int32, sentence, string, struct } from '../schema/field.ts'

/** Describes the brokers of the cluster. */
export const DescribeCluster = api({
  name: 'DescribeCluster',
  key: 60,
  versions: [0, 2],
  flexible: 0,
  request: {
    includeClusterAuthorizedOperations: bool(),
    endpointType: int8().since(1).default(1),
    includeFencedBrokers: bool().since(2),
  },
  response: {
    throttleTimeMs: int32(),
    errorCode: int16(),
    errorMessage: sentence().nullable().default(null),
    endpointType: int8().since(1).default(1),
    clusterId: string(),
    controllerId: int32().default(-1),
    brokers: array(
      struct({
        brokerId: int32(),
        host: string(),
        port: int32(),
        rack: string().nullable().default(null),
        isFenced: bool().since(2),
      }),
    ),
    clusterAuthorizedOperations: int32().default(-2147483648),
  },
})

export interface DescribeClusterRequest extends Infer<typeof DescribeCluster.request> {}
export interface DescribeClusterResponse extends Infer<typeof DescribeCluster.response> {}
export interface DescribeClusterRequestInput extends InferInput<typeof DescribeCluster.request> {}
export interface DescribeClusterResponseInput extends InferInput<typeof DescribeCluster.response> {}
