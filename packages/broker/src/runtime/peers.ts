/**
 * The other nodes of the cluster, and how this one speaks with them: in Kafka's own requests, whatever carries them. Nodes in threads of one process have
 * message ports between each other (`port-peers.ts`).
 */
import {
  type Api,
  Reader,
  readResponseHeader,
  responseHeaderIsFlexible,
  Writer,
  writeRequestHeader,
} from '@millrace/protocol'
import type { ConnectionFacts } from '../server/request-context.ts'

/** One way to reach a node, as its clients are told. */
export interface NodeEndpoint {
  readonly listener: string
  readonly host: string
  readonly port: number
}

export interface KnownNode {
  readonly nodeId: number
  readonly rack: string | null
  readonly endpoints: readonly NodeEndpoint[]
}

export interface Peers {
  /** All nodes of the cluster, this one among them, rising. */
  readonly nodeIds: readonly number[]
  /** The others that can be reached at the moment. */
  others(): Iterable<KnownNode>
  /** This node is ready, and this is what the others are to tell their clients of it. */
  announce(node: KnownNode): void
  /** Takes a request without its size prefix to the node's dispatcher and answers likewise. Rejects with `PeerGone`. */
  ask(nodeId: number, frame: Buffer): Promise<Buffer>
  /** How requests of the others are answered; undefined for one that cannot be, as all before this is called. */
  serve(answer: (frame: Buffer) => Promise<Buffer | undefined>): void
}

/** The node cannot be reached, or went while it was asked: what it did of it is not known. */
export class PeerGone extends Error {
  override readonly name = 'PeerGone'

  constructor(nodeId: number) {
    super(`node ${nodeId} does not answer`)
  }
}

/** A node without others. */
export const noPeers = (nodeId: number): Peers => ({
  nodeIds: [nodeId],
  others: () => [],
  announce: () => {},
  ask: other => Promise.reject(new PeerGone(other)),
  serve: () => {},
})

/** By which requests of other nodes come in: nobody else has it, and it may do everything. */
export const PEER_CONNECTION: ConnectionFacts = {
  id: 0,
  listener: '',
  principal: 'User:MILLRACE-NODE',
  clientHost: 'another node',
}

export async function askPeer<Q, QI, R, RI>(
  peers: Peers,
  nodeId: number,
  { api, version }: { readonly api: Api<Q, QI, R, RI>; readonly version: number },
  body: NoInfer<QI>,
): Promise<R> {
  const w = new Writer()
  const isFlexible = version >= api.flexible
  writeRequestHeader(w, { apiKey: api.key, apiVersion: version, correlationId: 0, clientId: 'node' }, isFlexible)
  api.request.write(w, body, version)
  const r = new Reader(await peers.ask(nodeId, w.finish()))
  readResponseHeader(r, responseHeaderIsFlexible(api.key, isFlexible))
  return api.response.read(r, version)
}

/** A group that is in a transaction, where Kafka names a partition: a topic that nobody can make. */
export const GROUP_TOPIC_PREFIX = '__consumer_offsets/'
export const groupTopic = (groupId: string): string => GROUP_TOPIC_PREFIX + groupId
export const groupOfTopic = (topic: string): string | undefined =>
  topic.startsWith(GROUP_TOPIC_PREFIX) ? topic.slice(GROUP_TOPIC_PREFIX.length) : undefined
