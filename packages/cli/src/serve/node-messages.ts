/** What the supervisor and the thread of a node say to each other. Catalog and requests between nodes have ports of their own. */
import type { MessagePort } from 'node:worker_threads'
import type { LoadOptions } from '@millrace/broker'

/** With which a thread begins. */
export interface NodeStart {
  readonly nodeId: number
  /** All nodes, rising. */
  readonly nodeIds: readonly number[]
  readonly load: LoadOptions
  readonly isEphemeral: boolean
  readonly clusterId: string
  readonly catalog: MessagePort
}

export type ToNode =
  /** Another node's thread has begun. */
  | { readonly kind: 'peer'; readonly nodeId: number; readonly port: MessagePort }
  /** Another node's thread has ended. */
  | { readonly kind: 'gone'; readonly nodeId: number }
  | { readonly kind: 'stop' }

export type FromNode =
  | { readonly kind: 'ready'; readonly ports: ReadonlyMap<string, number>; readonly partitions: number }
  /** It cannot start, and why. */
  | { readonly kind: 'failed'; readonly reason: string }
