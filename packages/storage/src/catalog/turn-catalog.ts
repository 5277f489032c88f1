/**
 * The part that every catalog of one process shares: writes wait for the end of the event-loop turn, then all of them are one transaction.
 *
 *   write ─┐
 *   write ─┼─ queue ── setImmediate ──▶ transaction { apply, apply, apply } ──▶ subscribers, in order ──▶ promises
 *   write ─┘                                          └ refused: rolled back alone        └ vital: sync ──▶ promise
 *
 * Invariant: a promise resolves only after the commit, after every subscriber has seen this write and all before it, and, where a power cut may not take the write
 * back, after the device has it and all before it.
 */
import { assert } from '@millrace/base'
import {
  type CatalogChange,
  CatalogError,
  type CatalogImage,
  type CatalogListener,
  type CatalogWriteOptions,
  isMetadata,
  type OwnedCatalog,
  type StoredGroup,
  type StoredTransaction,
} from './catalog.ts'

/** Where the rows are. All of it is synchronous. */
export interface CatalogStore {
  readonly clusterId: string
  /** Writes are vital unless they say that they are not. */
  readonly isDurable?: boolean
  load(): CatalogImage
  loadGroups(): readonly StoredGroup[]
  loadTransactions(): readonly StoredTransaction[]
  /** Commits what `work` did, or throws a CatalogError and keeps nothing of it. `isVital`: a power cut may not take it back. */
  transaction(work: () => void, isVital: boolean): void
  /**
   * Puts what is committed on the device while the event loop goes on; a CatalogError when that cannot be promised. A store that has none syncs each vital
   * transaction within `transaction`.
   */
  sync?(): Promise<void>
  /** Inside a transaction: all of the changes, or a CONFLICT or NOT_FOUND and none of them. Any other error ends the transaction. */
  apply(changes: readonly CatalogChange[]): void
  /** Inside a transaction: moves the next producer id on and answers what it was. */
  takeProducerIds(count: number): number
  close(): void
}

/** `now`: synced before anybody hears of it. `later`: before its own writer does. */
type SyncTime = 'now' | 'later' | 'never'

interface Pending {
  readonly changes: readonly CatalogChange[]
  readonly syncTime: SyncTime
  readonly perform: () => void
  readonly resolve: () => void
  readonly reject: (error: unknown) => void
  refusal: CatalogError | undefined
}

/** One turn's changes wait in memory and are written in one go, so that both have a limit. */
export const PENDING_CHANGES_MAX = 500_000

export class TurnCatalog implements OwnedCatalog {
  readonly #store: CatalogStore
  readonly #listeners: CatalogListener[] = []
  #pending: Pending[] = []
  #pendingChanges = 0
  #closed = false

  constructor(store: CatalogStore) {
    this.#store = store
  }

  get clusterId(): string {
    return this.#store.clusterId
  }

  async load(): Promise<CatalogImage> {
    this.#refuseWhenClosed()
    return this.#store.load()
  }

  async loadGroups(): Promise<readonly StoredGroup[]> {
    this.#refuseWhenClosed()
    return this.#store.loadGroups()
  }

  async loadTransactions(): Promise<readonly StoredTransaction[]> {
    this.#refuseWhenClosed()
    return this.#store.loadTransactions()
  }

  async write(changes: readonly CatalogChange[], { isVital }: CatalogWriteOptions = {}): Promise<void> {
    for (const change of changes) check(change)
    const isWaiting = isVital ?? this.#store.isDurable ?? false
    // Records that were synced would be gone with the topic that the catalog does not know. Of groups and transactions the writer knows what is vital.
    const syncTime = changes.some(isMetadata) ? 'now' : isWaiting ? 'later' : 'never'
    await this.#enqueue(changes, syncTime, () => this.#store.apply(changes))
  }

  async allocateProducerIds(count: number): Promise<{ readonly first: number; readonly count: number }> {
    assert(Number.isSafeInteger(count) && count > 0, `a block of ${count} producer ids`)
    let first = 0
    // An id that is given out again makes a new producer's batches look like repeats of another's.
    await this.#enqueue([], 'now', () => {
      first = this.#store.takeProducerIds(count)
    })
    return { first, count }
  }

  subscribe(listener: CatalogListener): void {
    this.#listeners.push(listener)
  }

  close(): void {
    if (this.#closed) return
    this.#commit()
    this.#closed = true
    this.#store.close()
  }

  #refuseWhenClosed(): void {
    if (this.#closed) throw new CatalogError('UNAVAILABLE', 'the catalog is closed')
  }

  #enqueue(changes: readonly CatalogChange[], syncTime: SyncTime, perform: () => void): Promise<void> {
    this.#refuseWhenClosed()
    if (this.#pendingChanges + changes.length > PENDING_CHANGES_MAX)
      throw new CatalogError('UNAVAILABLE', `more than ${PENDING_CHANGES_MAX} catalog changes in one turn`)
    this.#pendingChanges += changes.length
    return new Promise((resolve, reject) => {
      this.#pending.push({ changes, syncTime, perform, resolve, reject, refusal: undefined })
      if (this.#pending.length === 1) setImmediate(() => this.#commit())
    })
  }

  #commit(): void {
    const pending = this.#pending
    if (pending.length === 0) return
    this.#pending = []
    this.#pendingChanges = 0
    const isSyncedNow = pending.some(
      ({ syncTime }) => syncTime === 'now' || (syncTime === 'later' && !this.#store.sync),
    )
    try {
      this.#store.transaction(() => {
        for (const write of pending) performOrRefuse(write)
      }, isSyncedNow)
    } catch (error) {
      for (const write of pending) write.reject(error)
      return
    }
    for (const write of pending) this.#tell(write)
    for (const write of pending) if (isSyncedNow || write.syncTime === 'never') settle(write)
    const waiting = isSyncedNow ? [] : pending.filter(({ syncTime }) => syncTime === 'later')
    if (waiting.length > 0) void this.#settleSynced(waiting)
  }

  #tell({ changes, refusal }: Pending): void {
    if (refusal !== undefined || changes.length === 0) return
    for (const listener of this.#listeners) void listener(changes)
  }

  /** A failed sync leaves them in doubt, as a lost connection would; the store takes nothing more from then on. */
  async #settleSynced(waiting: readonly Pending[]): Promise<void> {
    try {
      await this.#store.sync?.()
    } catch (error) {
      for (const write of waiting) write.reject(error)
      return
    }
    for (const write of waiting) settle(write)
  }
}

function settle({ refusal, resolve, reject }: Pending): void {
  if (refusal === undefined) resolve()
  else reject(refusal)
}

function performOrRefuse(write: Pending): void {
  try {
    write.perform()
  } catch (error) {
    if (!(error instanceof CatalogError) || (error.code !== 'CONFLICT' && error.code !== 'NOT_FOUND')) throw error
    write.refusal = error
  }
}

/** The numbers have passed the wire's checks long before; one that has not must not take a whole transaction down with it. */
function check(change: CatalogChange): void {
  switch (change.kind) {
    case 'createTopic':
      return assertIntegers(1, change.topic.partitionCount, change.topic.createdMs)
    case 'setPartitionCount':
      return assertIntegers(1, change.partitionCount)
    case 'putOffset': {
      const { partition, offset, leaderEpoch, commitTimestampMs, expireTimestampMs } = change.offset
      return assertIntegers(0, partition, offset, leaderEpoch, commitTimestampMs, expireTimestampMs)
    }
    case 'putPendingOffset': {
      const { partition, offset, leaderEpoch, commitTimestampMs, expireTimestampMs } = change.pending.offset
      assertIntegers(0, change.pending.producerId, change.pending.sequence)
      return assertIntegers(0, partition, offset, leaderEpoch, commitTimestampMs, expireTimestampMs)
    }
    case 'deletePendingOffset':
      return assertIntegers(0, change.producerId, change.partition)
    case 'setFeature':
      return assertIntegers(0, change.level)
    case 'setLeader':
      return assertIntegers(0, change.placement.partition, change.placement.nodeId, change.placement.leaderEpoch)
    case 'setMoveTarget':
      return assertIntegers(0, change.partition, change.targetNodeId)
    case 'deleteOffset':
      return assertIntegers(0, change.partition)
  }
}

/** `least` is the bound of the first; the others are whole numbers and no more. */
function assertIntegers(least: number, first: number, ...others: readonly number[]): void {
  assert(first >= least && Number.isSafeInteger(first), `${first} in a catalog change`)
  for (const value of others) assert(Number.isSafeInteger(value), `${value} in a catalog change`)
}
