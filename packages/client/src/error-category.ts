/**
 * What a program can do about an error: the classes of KIP-1050, for each code as Kafka's own Java client 4.4 has them.
 *
 * In a transaction they read: retriable and refresh-retriable, the same call may be made again; abortable, abort and begin anew; application-recoverable, this
 * producer or member is no longer who it was, give up and start over with a new one; invalid-configuration, give up until somebody has mended it.
 */
import { type ErrorName, isRetriable, refreshesMetadata } from '@millrace/protocol'

export type ErrorCategory =
  /** It may pass: make the same call again. */
  | 'retriable'
  /** As `retriable`, once leaders and coordinators have been looked up anew, which the client does by itself. */
  | 'refresh-retriable'
  /** The transaction cannot be committed: abort it, and begin another. */
  | 'abortable'
  /** Another has taken over, or the cluster has forgotten this producer or member: close it and start over with a new one. */
  | 'application-recoverable'
  /** Neither of them helps before a configuration, a permission or the program is changed. */
  | 'invalid-configuration'
  /** None of Kafka's classes. */
  | 'other'

const categories: Readonly<Partial<Record<ErrorName, ErrorCategory>>> = {
  // Looked up anew, though it is not the metadata that is stale.
  NOT_COORDINATOR: 'refresh-retriable',
  COORDINATOR_NOT_AVAILABLE: 'refresh-retriable',
  TRANSACTION_ABORTABLE: 'abortable',
  FENCED_INSTANCE_ID: 'application-recoverable',
  ILLEGAL_GENERATION: 'application-recoverable',
  INVALID_PRODUCER_EPOCH: 'application-recoverable',
  INVALID_PRODUCER_ID_MAPPING: 'application-recoverable',
  PRODUCER_FENCED: 'application-recoverable',
  UNKNOWN_MEMBER_ID: 'application-recoverable',
  CLUSTER_AUTHORIZATION_FAILED: 'invalid-configuration',
  DELEGATION_TOKEN_AUTHORIZATION_FAILED: 'invalid-configuration',
  GROUP_AUTHORIZATION_FAILED: 'invalid-configuration',
  ILLEGAL_SASL_STATE: 'invalid-configuration',
  INVALID_CONFIG: 'invalid-configuration',
  INVALID_RECORD: 'invalid-configuration',
  INVALID_REPLICATION_FACTOR: 'invalid-configuration',
  INVALID_REQUIRED_ACKS: 'invalid-configuration',
  INVALID_TOPIC_EXCEPTION: 'invalid-configuration',
  RECORD_LIST_TOO_LARGE: 'invalid-configuration',
  SASL_AUTHENTICATION_FAILED: 'invalid-configuration',
  TOPIC_AUTHORIZATION_FAILED: 'invalid-configuration',
  TRANSACTIONAL_ID_AUTHORIZATION_FAILED: 'invalid-configuration',
  UNSUPPORTED_FOR_MESSAGE_FORMAT: 'invalid-configuration',
  UNSUPPORTED_SASL_MECHANISM: 'invalid-configuration',
  UNSUPPORTED_VERSION: 'invalid-configuration',
}

export function categoryOf(name: ErrorName): ErrorCategory {
  const known = categories[name]
  if (known !== undefined) return known
  if (!isRetriable(name)) return 'other'
  return refreshesMetadata(name) ? 'refresh-retriable' : 'retriable'
}
