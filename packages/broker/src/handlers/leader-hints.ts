/** KIP-951: who asked the wrong node is told in the answer which one is right, and where it is, so that it need not ask for metadata. */
import { errorCode } from '@millrace/protocol'
import type { Topic } from '../metadata/topic.ts'
import type { RequestContext } from '../server/request-context.ts'
import type { BrokerEndpoint, Services } from '../services.ts'

export interface LeaderHint {
  readonly leaderId: number
  readonly leaderEpoch: number
}

const wrongLeader = new Set([errorCode('NOT_LEADER_OR_FOLLOWER'), errorCode('FENCED_LEADER_EPOCH')])

/** Collects the hints of one answer. */
export class LeaderHints {
  readonly #services: Services
  readonly #brokers: ReadonlyMap<number, BrokerEndpoint>
  readonly #named = new Set<number>()

  constructor(services: Services, cx: RequestContext) {
    this.#services = services
    this.#brokers = new Map(services.brokers(cx.connection.listener).map(broker => [broker.nodeId, broker]))
  }

  /** Undefined where the client is right, or nobody can be named. */
  for(topic: Topic | undefined, partition: number, code: number): LeaderHint | undefined {
    if (topic === undefined || !wrongLeader.has(code)) return undefined
    const leader = this.#services.image.leaderOf(topic, partition)
    if (leader === undefined || !this.#brokers.has(leader.nodeId)) return undefined
    this.#named.add(leader.nodeId)
    return { leaderId: leader.nodeId, leaderEpoch: leader.leaderEpoch }
  }

  /** Where the nodes are that were named. */
  get nodeEndpoints(): readonly BrokerEndpoint[] {
    return [...this.#named].map(nodeId => this.#brokers.get(nodeId)!)
  }
}

/** A node that is alone sends nobody anywhere. */
export const mayHint = ({ peers }: Services): boolean => peers.nodeIds.length > 1
