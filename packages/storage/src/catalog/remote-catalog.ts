/**
 * The catalog as a node has it whose catalog lives in another thread (`catalog-server.ts`). Writes of one turn leave as one message.
 */
import {
  type CatalogChange,
  CatalogError,
  type CatalogImage,
  type CatalogListener,
  type CatalogWriteOptions,
  type OwnedCatalog,
  type StoredGroup,
  type StoredTransaction,
} from './catalog.ts'
import { type FromCatalog, type LoadedPart, type MessagePipe, receivedFault, type ToCatalog } from './message-pipe.ts'
import { PENDING_CHANGES_MAX } from './turn-catalog.ts'

interface Asked {
  readonly changes: readonly CatalogChange[] | undefined
  readonly resolve: (value: unknown) => void
  readonly reject: (error: Error) => void
}

export class RemoteCatalog implements OwnedCatalog {
  readonly clusterId: string
  readonly #pipe: MessagePipe
  readonly #listeners: CatalogListener[] = []
  readonly #asked = new Map<number, Asked>()
  #due: ToCatalog[] = []
  #dueChanges = 0
  #inbox: FromCatalog[] = []
  #isHeld = false
  #nextId = 1
  #isClosed = false

  constructor(pipe: MessagePipe, clusterId: string) {
    this.#pipe = pipe
    this.clusterId = clusterId
    pipe.on('message', message => {
      this.#inbox.push(...(message as readonly FromCatalog[]))
      this.#drain()
    })
  }

  async load(): Promise<CatalogImage> {
    return (await this.#load('image')) as CatalogImage
  }

  async loadGroups(): Promise<readonly StoredGroup[]> {
    return (await this.#load('groups')) as readonly StoredGroup[]
  }

  async loadTransactions(): Promise<readonly StoredTransaction[]> {
    return (await this.#load('transactions')) as readonly StoredTransaction[]
  }

  async write(changes: readonly CatalogChange[], options: CatalogWriteOptions = {}): Promise<void> {
    if (this.#dueChanges + changes.length > PENDING_CHANGES_MAX)
      throw new CatalogError('UNAVAILABLE', `more than ${PENDING_CHANGES_MAX} catalog changes in one turn`)
    this.#dueChanges += changes.length
    const sent = changes.map(withOwnBytes)
    await this.#ask(id => ({ kind: 'write', id, changes: sent, options }), changes)
  }

  async allocateProducerIds(count: number): Promise<{ readonly first: number; readonly count: number }> {
    return (await this.#ask(id => ({ kind: 'allocate', id, count }))) as { first: number; count: number }
  }

  subscribe(listener: CatalogListener): void {
    this.#listeners.push(listener)
  }

  /** What is under way is answered still. */
  close(): void {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#flush()
    this.#endWhenDone()
  }

  #load(part: LoadedPart): Promise<unknown> {
    return this.#ask(id => ({ kind: 'load', id, part }))
  }

  #ask(messageOf: (id: number) => ToCatalog, changes?: readonly CatalogChange[]): Promise<unknown> {
    if (this.#isClosed) return Promise.reject(new CatalogError('UNAVAILABLE', 'the catalog is closed'))
    const id = this.#nextId++
    const { promise, resolve, reject } = Promise.withResolvers<unknown>()
    this.#asked.set(id, { changes, resolve, reject })
    this.#send(messageOf(id))
    return promise
  }

  #send(message: ToCatalog): void {
    this.#due.push(message)
    if (this.#due.length === 1) setImmediate(() => this.#flush())
  }

  #flush(): void {
    const due = this.#due
    if (due.length === 0) return
    this.#due = []
    this.#dueChanges = 0
    this.#pipe.postMessage(due)
  }

  #drain(): void {
    while (!this.#isHeld && this.#inbox.length > 0) {
      const inbox = this.#inbox
      this.#inbox = []
      for (const [i, message] of inbox.entries()) {
        if (!this.#take(message)) continue
        // Whoever asked subscribes in the turn in which it goes on, and is to hear of all that comes after the answer.
        this.#inbox = inbox.slice(i + 1)
        this.#isHeld = true
        setImmediate(() => {
          this.#isHeld = false
          this.#drain()
        })
        break
      }
    }
    this.#endWhenDone()
  }

  /** Answers whether the asker has to go on before anything else is taken. */
  #take(message: FromCatalog): boolean {
    if (message.kind === 'changes') {
      this.#tell(message.changes, () => this.#send({ kind: 'taken', round: message.round }))
      return false
    }
    const asked = this.#asked.get(message.id)
    if (asked === undefined) return false
    if (message.kind === 'told') {
      this.#tell(asked.changes ?? [], () => {})
      return false
    }
    this.#asked.delete(message.id)
    if (message.kind === 'failed') asked.reject(receivedFault(message.fault))
    else asked.resolve(message.value)
    return message.kind === 'done' && asked.changes === undefined
  }

  #tell(changes: readonly CatalogChange[], onTaken: () => void): void {
    // One that cannot take them in has said so itself.
    const taken = this.#listeners.map(listener => Promise.resolve(listener(changes)).catch(() => {}))
    void Promise.all(taken).then(onTaken)
  }

  #endWhenDone(): void {
    if (this.#isClosed && this.#asked.size === 0) this.#pipe.close()
  }
}

/** A view of a pool would take the whole pool along. */
function withOwnBytes(change: CatalogChange): CatalogChange {
  if (change.kind !== 'putGroup' && change.kind !== 'putTransaction') return change
  return { ...change, value: new Uint8Array(change.value) }
}
