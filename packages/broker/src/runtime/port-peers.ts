/** The nodes of one process, each in a thread of its own: a message port between each two of them. */
import type { MessagePipe } from '@millrace/storage'
import { type KnownNode, PeerGone, type Peers } from './peers.ts'

type Message =
  | { readonly kind: 'node'; readonly node: KnownNode }
  | { readonly kind: 'ask'; readonly id: number; readonly frame: Uint8Array }
  | { readonly kind: 'answer'; readonly id: number; readonly frame: Uint8Array | undefined }

/** The way to one other node, for as long as that one's thread lives. */
interface Way {
  readonly pipe: MessagePipe
  node: KnownNode | undefined
  readonly asked: Map<number, { resolve: (frame: Buffer) => void; reject: (error: Error) => void }>
}

export class PortPeers implements Peers {
  readonly nodeIds: readonly number[]
  readonly #ways = new Map<number, Way>()
  #own: KnownNode | undefined
  #answer: (frame: Buffer) => Promise<Buffer | undefined> = () => Promise.resolve(undefined)
  #nextId = 1

  constructor(nodeIds: readonly number[]) {
    this.nodeIds = nodeIds
  }

  /** The node's thread has begun. The pipe to the one before it, if any, is of no more use. */
  connect(nodeId: number, pipe: MessagePipe): void {
    this.disconnect(nodeId)
    const way: Way = { pipe, node: undefined, asked: new Map() }
    this.#ways.set(nodeId, way)
    pipe.on('message', message => this.#take(way, message as Message))
    if (this.#own !== undefined) post(way, { kind: 'node', node: this.#own })
  }

  /** The node's thread has ended. */
  disconnect(nodeId: number): void {
    const way = this.#ways.get(nodeId)
    if (way === undefined) return
    this.#ways.delete(nodeId)
    way.pipe.close()
    for (const { reject } of way.asked.values()) reject(new PeerGone(nodeId))
  }

  close(): void {
    for (const nodeId of [...this.#ways.keys()]) this.disconnect(nodeId)
  }

  *others(): Generator<KnownNode> {
    for (const { node } of this.#ways.values()) if (node !== undefined) yield node
  }

  announce(node: KnownNode): void {
    this.#own = node
    for (const way of this.#ways.values()) post(way, { kind: 'node', node })
  }

  ask(nodeId: number, frame: Buffer): Promise<Buffer> {
    const way = this.#ways.get(nodeId)
    if (way === undefined) return Promise.reject(new PeerGone(nodeId))
    const id = this.#nextId++
    return new Promise((resolve, reject) => {
      way.asked.set(id, {
        resolve,
        reject,
      })
      post(way, { kind: 'ask', id, frame: new Uint8Array(frame) })
    })
  }

  serve(answer: (frame: Buffer) => Promise<Buffer | undefined>): void {
    this.#answer = answer
  }

  #take(way: Way, message: Message): void {
    switch (message.kind) {
      case 'node':
        way.node = message.node
        return
      case 'ask':
        void this.#serveOne(way, message.id, bufferOf(message.frame))
        return
      case 'answer': {
        const asked = way.asked.get(message.id)
        way.asked.delete(message.id)
        if (message.frame === undefined) asked?.reject(new PeerGone(way.node?.nodeId ?? -1))
        else asked?.resolve(bufferOf(message.frame))
        return
      }
      default:
        message satisfies never
    }
  }

  async #serveOne(way: Way, id: number, frame: Buffer): Promise<void> {
    const answer = await this.#answer(frame)
    post(way, { kind: 'answer', id, frame: answer && new Uint8Array(answer) })
  }
}

const post = ({ pipe }: Way, message: Message): void => pipe.postMessage(message)

const bufferOf = (bytes: Uint8Array): Buffer => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
