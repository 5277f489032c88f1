/** Kafka's ACL resource types and operations, by their codes on the wire. */
export const resourceTypes = {
  TOPIC: 2,
  GROUP: 3,
  CLUSTER: 4,
  TRANSACTIONAL_ID: 5,
  DELEGATION_TOKEN: 6,
  USER: 7,
} as const
export type ResourceType = keyof typeof resourceTypes

export const operations = {
  READ: 3,
  WRITE: 4,
  CREATE: 5,
  DELETE: 6,
  ALTER: 7,
  DESCRIBE: 8,
  CLUSTER_ACTION: 9,
  DESCRIBE_CONFIGS: 10,
  ALTER_CONFIGS: 11,
  IDEMPOTENT_WRITE: 12,
} as const
export type Operation = keyof typeof operations

/** The one cluster resource's name. */
export const CLUSTER = 'kafka-cluster'

/** Decides whether who is on the connection may do it. Every request passes through here, resource by resource. */
export interface Authorizer {
  authorize(
    who: { readonly principal: string; readonly clientHost: string },
    operation: Operation,
    type: ResourceType,
    name: string,
  ): boolean
}

/** Until there are ACLs everyone may do everything: that is why the broker listens on loopback only unless told otherwise. */
export const allowAll: Authorizer = { authorize: () => true }

const operationsOf: Record<'TOPIC' | 'GROUP' | 'CLUSTER', readonly Operation[]> = {
  TOPIC: ['READ', 'WRITE', 'CREATE', 'DELETE', 'ALTER', 'DESCRIBE', 'DESCRIBE_CONFIGS', 'ALTER_CONFIGS'],
  GROUP: ['READ', 'DELETE', 'DESCRIBE', 'DESCRIBE_CONFIGS', 'ALTER_CONFIGS'],
  CLUSTER: ['CREATE', 'ALTER', 'DESCRIBE', 'CLUSTER_ACTION', 'DESCRIBE_CONFIGS', 'ALTER_CONFIGS', 'IDEMPOTENT_WRITE'],
}

interface Asker {
  mayDo(operation: Operation, type: ResourceType, name: string): boolean
}

/** KIP-430: one bit for each operation that the asker may do on the resource. */
export function authorizedOperations(who: Asker, type: 'TOPIC' | 'GROUP' | 'CLUSTER', name: string): number {
  let bits = 0
  for (const operation of operationsOf[type]) if (who.mayDo(operation, type, name)) bits |= 1 << operations[operation]
  return bits
}

/** What the field holds when it was not asked for. */
export const OPERATIONS_NOT_ASKED = -2_147_483_648
