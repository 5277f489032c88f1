import { errorCode, ListPartitionReassignments } from '@millrace/protocol'
import { CLUSTER } from '../security/authorizer.ts'
import { handler } from '../server/handler.ts'

/** Nothing ever moves: a partition stays on the one node there is. */
export const listPartitionReassignments = handler(ListPartitionReassignments, (_services, _request, cx) => ({
  throttleTimeMs: 0,
  errorCode: cx.mayDo('DESCRIBE', 'CLUSTER', CLUSTER) ? 0 : errorCode('CLUSTER_AUTHORIZATION_FAILED'),
  errorMessage: null,
  topics: [],
}))
