/**
 * One catalog for nodes in several threads. It lives where none of them can take it along, and each of them has a `RemoteCatalog`.
 *
 * Invariant: every node hears of shared changes in the order of the commits, its own among the others', and a write of such changes is answered when all
 * nodes have taken them in. A node that is gone is not waited for.
 */
import { type Catalog, type CatalogChange, isMetadata } from './catalog.ts'
import { type FromCatalog, type MessagePipe, sentFault, type ToCatalog } from './message-pipe.ts'

/** A node's end of it. */
export interface AttachedNode {
  /** Its writes that have come in are made still; it hears of nothing any more. */
  detach(): void
}

interface Write {
  readonly node: Node
  readonly id: number
}

/** A shared write that waits for nodes. */
interface Round {
  readonly write: Write
  readonly waitsFor: Set<Node>
}

export class CatalogServer {
  readonly #catalog: Catalog
  readonly #nodes = new Set<Node>()
  /** By the very array that the catalog tells its subscribers of. */
  readonly #writes = new Map<readonly CatalogChange[], Write>()
  readonly #rounds = new Map<number, Round>()
  #lastRound = 0

  constructor(catalog: Catalog) {
    this.#catalog = catalog
    catalog.subscribe(changes => this.#committed(changes))
  }

  attach(pipe: MessagePipe): AttachedNode {
    const node = new Node(pipe)
    this.#nodes.add(node)
    pipe.on('message', asked => {
      for (const one of asked as readonly ToCatalog[]) this.#take(node, one)
    })
    return { detach: () => this.#detach(node) }
  }

  #detach(node: Node): void {
    this.#nodes.delete(node)
    node.close()
    for (const round of [...this.#rounds.keys()]) this.#taken(node, round)
  }

  #take(node: Node, asked: ToCatalog): void {
    switch (asked.kind) {
      case 'write':
        return this.#write(node, asked)
      case 'load':
        return answer(node, asked.id, this.#load(asked.part))
      case 'allocate':
        return answer(node, asked.id, this.#catalog.allocateProducerIds(asked.count))
      case 'taken':
        return this.#taken(node, asked.round)
      default:
        asked satisfies never
    }
  }

  #write(node: Node, { id, changes, options }: Extract<ToCatalog, { kind: 'write' }>): void {
    const write = { node, id }
    if (changes.length > 0) this.#writes.set(changes, write)
    const made = this.#catalog.write(changes, options).then(() => {
      // What is shared is done when the last node has taken it in.
      if (!changes.some(isMetadata)) node.send({ kind: 'done', id, value: undefined })
    })
    made
      .catch((error: unknown) => node.send({ kind: 'failed', id, fault: sentFault(error) }))
      .finally(() => this.#writes.delete(changes))
  }

  #load(part: Extract<ToCatalog, { kind: 'load' }>['part']): Promise<unknown> {
    if (part === 'image') return this.#catalog.load()
    return part === 'groups' ? this.#catalog.loadGroups() : this.#catalog.loadTransactions()
  }

  #committed(changes: readonly CatalogChange[]): void {
    const write = this.#writes.get(changes)
    write?.node.send({ kind: 'told', id: write.id })
    const shared = changes.filter(isMetadata)
    if (shared.length === 0) return
    const others = [...this.#nodes].filter(node => node !== write?.node)
    const round = ++this.#lastRound
    for (const node of others) node.send({ kind: 'changes', changes: shared, round })
    if (write === undefined) return
    this.#rounds.set(round, { write, waitsFor: new Set(others) })
    this.#finish(round)
  }

  #taken(node: Node, round: number): void {
    if (this.#rounds.get(round)?.waitsFor.delete(node)) this.#finish(round)
  }

  #finish(id: number): void {
    const round = this.#rounds.get(id)
    if (round === undefined || round.waitsFor.size > 0) return
    this.#rounds.delete(id)
    round.write.node.send({ kind: 'done', id: round.write.id, value: undefined })
  }
}

function answer(node: Node, id: number, value: Promise<unknown>): void {
  value.then(
    found => node.send({ kind: 'done', id, value: found }),
    (error: unknown) => node.send({ kind: 'failed', id, fault: sentFault(error) }),
  )
}

/** Sends what came together in a turn as one message. */
class Node {
  readonly #pipe: MessagePipe
  #due: FromCatalog[] = []
  #isClosed = false

  constructor(pipe: MessagePipe) {
    this.#pipe = pipe
  }

  send(message: FromCatalog): void {
    if (this.#isClosed) return
    this.#due.push(message)
    if (this.#due.length === 1) queueMicrotask(() => this.#flush())
  }

  close(): void {
    this.#isClosed = true
    this.#pipe.close()
  }

  #flush(): void {
    const due = this.#due
    this.#due = []
    if (!this.#isClosed) this.#pipe.postMessage(due)
  }
}
