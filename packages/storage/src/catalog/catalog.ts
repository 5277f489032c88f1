/**
 * The catalog: all that is kept and is not a log. Topics and their configurations, broker configurations, groups and committed
 * offsets, transactional ids, finalised features, producer ids.
 *
 * A change is data; several make one atomic write. What an engine's node reads at run time it reads from its own image, which it builds from `load`
 * and keeps up by `subscribe`: so a node alone and one of many work the same way.
 */
export interface Catalog {
  /** 22 characters of URL-safe base64, made once for the data folder (or cluster). */
  readonly clusterId: string

  /**
   * What is committed. Nothing is committed between its answer and the turn in which the caller goes on, so `subscribe` right after it misses nothing.
   * Like the other loads it rejects with a `StorageError` where the file is damaged.
   */
  load(): Promise<CatalogImage>
  /** The groups that this node coordinates, with their offsets. */
  loadGroups(): Promise<readonly StoredGroup[]>
  /** The transactional ids that this node coordinates. */
  loadTransactions(): Promise<readonly StoredTransaction[]>

  /**
   * Makes all of the changes or none. Writes of one event-loop turn share one commit; one that is refused does not take the others along.
   * Rejects with a `CatalogError`. When it resolves, the changes are as durable as the engine's mode says, and subscribers have been told.
   * The changes are the catalog's from the call on: whoever made them alters neither them nor their bytes any more.
   */
  write(changes: readonly CatalogChange[], options?: CatalogWriteOptions): Promise<void>

  /** Takes a block of producer ids that nobody else will ever get. */
  allocateProducerIds(count: number): Promise<{ readonly first: number; readonly count: number }>

  /**
   * Called with every committed write, in order, whichever node made it; of others' only what is not a group's or a transactional id's. The writer of such a
   * change waits for all nodes: a promise that the listener returns says when this one has taken it in.
   */
  subscribe(listener: CatalogListener): void
}

export interface CatalogWriteOptions {
  /**
   * A power cut may not take it back once the promise has resolved, nor anything that was written before it. Topics, configurations and features always are vital.
   * False: it need not be in a durable catalog either, for it would be made again. Left out: as the catalog is.
   */
  readonly isVital?: boolean | undefined
}

export type CatalogListener = (changes: readonly CatalogChange[]) => unknown

/** A catalog in the hands of the engine that opened it, and that alone closes it. */
export interface OwnedCatalog extends Catalog {
  /** Commits what is queued and lets go of the file. Later calls are refused with UNAVAILABLE. */
  close(): void
}

export interface CatalogImage {
  readonly topics: readonly StoredTopic[]
  readonly configs: readonly StoredConfig[]
  readonly features: StoredFeatures
  readonly placements: readonly StoredPlacement[]
}

/** Which node leads a partition. A partition without one is led by whoever is alone. */
export interface StoredPlacement {
  readonly topicId: string
  readonly partition: number
  /** `NO_NODE`: the one that it had is gone, and the next start is to find another. */
  readonly nodeId: number
  readonly leaderEpoch: number
  /** Where it is being moved to, or `NO_NODE`. */
  readonly targetNodeId: number
  /** What the leader before left for this one to know; only engines read it. */
  readonly handover: string
}

export const NO_NODE = -1

/** Finalised features (KIP-584). What is not here is at level 0. */
export interface StoredFeatures {
  readonly levels: readonly StoredFeature[]
  /** How often any of them was changed. */
  readonly epoch: number
}

export interface StoredFeature {
  readonly name: string
  readonly level: number
}

export interface StoredTopic {
  readonly id: string
  readonly name: string
  readonly partitionCount: number
  readonly createdMs: number
}

/** The resources that have configurations, by Kafka's resource types. An empty broker name is the cluster-wide default. */
export type ConfigResource = 'topic' | 'broker' | 'group' | 'client-metrics'

export interface StoredConfig {
  readonly resource: ConfigResource
  /** A topic's name, a node id as text, a group id, … */
  readonly resourceName: string
  readonly name: string
  readonly value: string
}

export interface StoredGroup {
  readonly groupId: string
  /** What the group's coordinator wrote; only it reads it. Undefined for a group that has offsets and never had members. */
  readonly value: Uint8Array | undefined
  readonly offsets: readonly StoredOffset[]
  /** Offsets of transactions that have not ended. */
  readonly pending: readonly PendingOffset[]
}

export interface PendingOffset {
  readonly producerId: number
  readonly offset: StoredOffset
  /** In which order the group's pending offsets came. */
  readonly sequence: number
  /** A later one was committed meanwhile. */
  readonly isSuperseded: boolean
}

export interface StoredTransaction {
  readonly transactionalId: string
  /** What the transaction's coordinator wrote; only it reads it. */
  readonly value: Uint8Array
}

export interface StoredOffset {
  readonly topic: string
  readonly partition: number
  readonly offset: number
  /** -1 when the client gave none. */
  readonly leaderEpoch: number
  readonly metadata: string
  readonly commitTimestampMs: number
  /** -1: by `offsets.retention.minutes`. */
  readonly expireTimestampMs: number
}

export type CatalogChange =
  /** Refused with CONFLICT when the name or the id is taken. */
  | { readonly kind: 'createTopic'; readonly topic: StoredTopic }
  /** Takes the topic's configurations along; committed offsets are the groups' own to delete. NOT_FOUND when there is no such topic. */
  | { readonly kind: 'deleteTopic'; readonly topicId: string }
  /** Refused with CONFLICT unless the count rises, with NOT_FOUND when there is no such topic. */
  | { readonly kind: 'setPartitionCount'; readonly topicId: string; readonly partitionCount: number }
  /** `value` null deletes, also what is not there. Refused with NOT_FOUND for a topic that does not exist; other resources need not exist. */
  | {
      readonly kind: 'setConfig'
      readonly resource: ConfigResource
      readonly resourceName: string
      readonly name: string
      readonly value: string | null
    }
  | { readonly kind: 'putGroup'; readonly groupId: string; readonly value: Uint8Array }
  /** Takes the group's offsets along, and the pending ones. A group that was never stored is deleted already. */
  | { readonly kind: 'deleteGroup'; readonly groupId: string }
  | { readonly kind: 'putOffset'; readonly groupId: string; readonly offset: StoredOffset }
  /** An offset that was never stored is deleted already. */
  | { readonly kind: 'deleteOffset'; readonly groupId: string; readonly topic: string; readonly partition: number }
  /** An offset that counts once the producer's transaction is committed: whoever ends it puts it among the others. */
  | { readonly kind: 'putPendingOffset'; readonly groupId: string; readonly pending: PendingOffset }
  | {
      readonly kind: 'deletePendingOffset'
      readonly groupId: string
      readonly producerId: number
      readonly topic: string
      readonly partition: number
    }
  | { readonly kind: 'putTransaction'; readonly transactionalId: string; readonly value: Uint8Array }
  /** An id that was never stored is deleted already. */
  | { readonly kind: 'deleteTransaction'; readonly transactionalId: string }
  /**
   * The partition has another leader. Ends the move that this was the target of. Refused with CONFLICT unless the epoch rises, with NOT_FOUND when there is
   * no such topic.
   */
  | { readonly kind: 'setLeader'; readonly placement: Omit<StoredPlacement, 'targetNodeId'> }
  /** The partition's leader is to hand it over, or with `NO_NODE` to keep it. NOT_FOUND for one that was never placed. */
  | {
      readonly kind: 'setMoveTarget'
      readonly topicId: string
      readonly partition: number
      readonly targetNodeId: number
    }
  /** Raises the epoch by one. */
  | { readonly kind: 'setFeature'; readonly name: string; readonly level: number }

/** Of topics, configurations, features and leaders: every node has to know it, and it is on the device before anybody hears of it. The rest is one coordinator's own. */
export const isMetadata = ({ kind }: CatalogChange): boolean => metadataKinds[kind]

const metadataKinds: Readonly<Record<CatalogChange['kind'], boolean>> = {
  createTopic: true,
  deleteTopic: true,
  setPartitionCount: true,
  setConfig: true,
  setFeature: true,
  setLeader: true,
  setMoveTarget: true,
  putGroup: false,
  deleteGroup: false,
  putOffset: false,
  deleteOffset: false,
  putPendingOffset: false,
  deletePendingOffset: false,
  putTransaction: false,
  deleteTransaction: false,
}

export class CatalogError extends Error {
  override readonly name = 'CatalogError'
  readonly code: CatalogErrorCode

  constructor(code: CatalogErrorCode, message: string, options: { cause?: unknown } = {}) {
    super(message, options)
    this.code = code
  }
}

/**
 * FENCED: another process has taken this node's place, nothing it writes counts any more.
 * UNAVAILABLE: nothing was written, because of a fault (`cause`), an overload or the end; a later write may succeed. After a sync that failed what waited for
 * it is in doubt, and no later write succeeds before the catalog is opened anew.
 */
export type CatalogErrorCode = 'CONFLICT' | 'NOT_FOUND' | 'FENCED' | 'UNAVAILABLE'
