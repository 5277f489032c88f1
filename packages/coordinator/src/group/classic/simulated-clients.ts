/** Clients that ask a simulated group one thing after another, with only what matters spelt out, and remember the answers. */
import { assert } from '@millrace/base'
import type { TopicPartition } from '../../topic-partition.ts'
import type { GroupConfig } from '../config.ts'
import type { Commit, Join, LeavingMember, OffsetToCommit } from './event.ts'
import type { GroupReply } from './reply.ts'
import { SimulatedShell } from './simulated-shell.ts'
import { subscriptionMetadata } from './simulation.ts'
import type { GroupStateKind, MemberId, Protocol, RequestId } from './state.ts'

export interface Identity {
  readonly memberId?: MemberId
  readonly instanceId?: string | null
  readonly generation?: number
}

export class SimulatedClients {
  readonly shell: SimulatedShell
  readonly #replies = new Map<RequestId, GroupReply>()
  #nextRequest = 1
  #nextUuid = 1

  constructor(config: Partial<GroupConfig> = {}) {
    this.shell = new SimulatedShell({ config, answered: (request, reply) => this.#replies.set(request, reply) })
  }

  /** JoinGroup 9 of a consumer that needs no id first, unless the fields say otherwise. */
  join(fields: Partial<Join> = {}): RequestId {
    const request = this.#nextRequest++
    this.shell.apply({
      kind: 'join',
      request,
      memberId: '',
      instanceId: null,
      clientId: 'client',
      clientHost: '/127.0.0.1',
      uuid: `${this.#nextUuid++}`,
      sessionTimeoutMs: 10_000,
      rebalanceTimeoutMs: 60_000,
      protocolType: 'consumer',
      protocols: protocols('range'),
      memberIdRequired: false,
      supportsSkippingAssignment: true,
      ...fields,
    })
    return request
  }

  sync(
    who: Identity,
    assignments: Record<MemberId, string> = {},
    chosen: { type?: string; name?: string } = {},
  ): RequestId {
    const request = this.#nextRequest++
    this.shell.apply({
      kind: 'sync',
      request,
      memberId: who.memberId ?? '',
      instanceId: who.instanceId ?? null,
      generation: who.generation ?? -1,
      protocolType: chosen.type ?? null,
      protocolName: chosen.name ?? null,
      assignments: new Map(Object.entries(assignments).map(([id, text]) => [id, bytesOf(text)])),
    })
    return request
  }

  heartbeat(who: Identity): string {
    const request = this.#nextRequest++
    const { memberId = '', instanceId = null, generation = -1 } = who
    this.shell.apply({ kind: 'heartbeat', request, memberId, instanceId, generation })
    const reply = this.replyTo(request)
    assert(reply.kind === 'heartbeat', 'a heartbeat is answered as one')
    return reply.error
  }

  /** The outcome of each member, in order. */
  leave(...members: Partial<LeavingMember>[]): string[] {
    const request = this.#nextRequest++
    const named = members.map(({ memberId = '', instanceId = null }) => ({ memberId, instanceId }))
    this.shell.apply({ kind: 'leave', request, members: named })
    const reply = this.replyTo(request)
    return reply.kind === 'left' ? reply.members.map(({ error }) => error) : [errorOf(reply)]
  }

  /** The error of the request or of its first refused partition, or NONE. */
  commit(fields: Partial<Commit> & { readonly offset?: Partial<OffsetToCommit> } = {}): string {
    const request = this.#nextRequest++
    const { offset, ...rest } = fields
    this.shell.apply({
      kind: 'commit',
      request,
      memberId: '',
      instanceId: null,
      generation: -1,
      transaction: null,
      transactions: this.shell.transactions,
      supportsGroupIdNotFound: true,
      retentionTimeMs: -1,
      offsets: [{ topic: 'a', topicId: null, partition: 0, offset: 5, leaderEpoch: 1, metadata: 'm', ...offset }],
      ...rest,
    })
    const reply = this.replyTo(request)
    if (reply.kind !== 'committed') return errorOf(reply)
    return reply.partitions.find(({ error }) => error !== 'NONE')?.error ?? 'NONE'
  }

  deleteOffsets(...partitions: TopicPartition[]): string {
    const request = this.#nextRequest++
    this.shell.apply({ kind: 'deleteOffsets', request, partitions, ...this.shell.kept })
    const reply = this.replyTo(request)
    if (reply.kind !== 'offsetsDeleted') return errorOf(reply)
    return reply.partitions.find(({ error }) => error !== 'NONE')?.error ?? 'NONE'
  }

  deleteGroup(): string {
    const request = this.#nextRequest++
    this.shell.apply({ kind: 'deleteGroup', request, ...this.shell.kept })
    const reply = this.replyTo(request)
    return reply.kind === 'groupDeleted' ? 'NONE' : errorOf(reply)
  }

  expireOffsets(): void {
    this.shell.apply({ kind: 'expireOffsets', ...this.shell.kept })
  }

  get kind(): GroupStateKind {
    return this.shell.state.kind
  }

  isWaiting(request: RequestId): boolean {
    return this.shell.pending.has(request)
  }

  replyTo(request: RequestId): GroupReply {
    const reply = this.#replies.get(request)
    assert(reply !== undefined, `request ${request} was answered`)
    return reply
  }

  joined(request: RequestId): GroupReply & { kind: 'joined' } {
    const reply = this.replyTo(request)
    assert(reply.kind === 'joined', `joined, not ${errorOf(reply)}`)
    return reply
  }

  /** The assignment as text. */
  synced(request: RequestId): string {
    const reply = this.replyTo(request)
    assert(reply.kind === 'synced', `synced, not ${errorOf(reply)}`)
    return new TextDecoder().decode(reply.assignment)
  }

  errorTo(request: RequestId): string {
    return errorOf(this.replyTo(request))
  }

  /** Lets the members of these joins form a generation, and has its leader assign each member its own id. The members, in order. */
  form(...joins: Partial<Join>[]): { memberId: MemberId; instanceId: string | null; generation: number }[] {
    const requests = joins.map(fields => this.join(fields))
    this.shell.advance(10_000)
    const replies = requests.map(request => this.joined(request))
    const leading = replies.find(({ leader, memberId }) => leader === memberId)!
    const assignments = Object.fromEntries(leading.members.map(({ memberId }) => [memberId, memberId]))
    const members = replies.map(({ memberId, generation }, i) => ({
      memberId,
      generation,
      instanceId: joins[i]?.instanceId ?? null,
    }))
    for (const member of members) this.sync(member, member.memberId === leading.leader ? assignments : {})
    return members
  }
}

export function bytesOf(text: string): Uint8Array {
  return new TextEncoder().encode(text)
}

/** Protocols by name, all with a subscription to topic `a`. */
export function protocols(...names: string[]): Protocol[] {
  return names.map(name => ({ name, metadata: subscriptionMetadata(['a']) }))
}

export function subscribedTo(...topics: string[]): Protocol[] {
  return [{ name: 'range', metadata: subscriptionMetadata(topics) }]
}

function errorOf(reply: GroupReply): string {
  return 'error' in reply ? reply.error : reply.kind
}
