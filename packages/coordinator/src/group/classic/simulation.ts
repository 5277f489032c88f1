/**
 * Many clients, one group, and everything that goes wrong between them, all from one seed: answers are lost, requests come late
 * and twice, writes fail, the process dies, the clock jumps, two processes fight over one instance id. After each step the
 * invariants of SPEC.md are checked; at the end everyone falls silent and the group must drain.
 */
import { assert, type Random, seededRandom } from '@millrace/base'
import type { GroupConfig } from '../config.ts'
import type { Join } from './event.ts'
import { Invariants } from './invariants.ts'
import type { GroupReply } from './reply.ts'
import { SimulatedShell, type StepFunction, type TimelessEvent } from './simulated-shell.ts'
import { SimulatedTransactions } from './simulated-transactions.ts'
import { type MemberId, membersOf, type Protocol, type RequestId } from './state.ts'
import { step } from './step.ts'

export interface Simulation {
  readonly seed: number
  readonly actions: number
  readonly step?: StepFunction
}

/** What a client knows of itself. A late request is one that is made of what it once knew. */
interface Knowledge {
  readonly memberId: MemberId
  readonly generation: number
  readonly protocolName: string | null
  readonly isSynced: boolean
  readonly leads: boolean
  readonly others: readonly MemberId[]
}

interface Client {
  readonly name: string
  readonly instanceId: string | null
  /** Speaks JoinGroup 9, or one of the old versions. */
  readonly isModern: boolean
  subscription: number
  knows: Knowledge
  /** The request whose answer it waits for. */
  awaits: RequestId | undefined
  readonly memories: Knowledge[]
}

const NOBODY: Knowledge = {
  memberId: '',
  generation: -1,
  protocolName: null,
  isSynced: false,
  leads: false,
  others: [],
}
const TOPICS = ['a', 'b', 'c']
const MEMORIES_MAX = 4

/** Runs it, and gives the log, one line for each step. Throws where an invariant does not hold. */
export function simulate(options: Simulation): string[] {
  const run = new Run(options)
  for (let i = 0; i < options.actions; i++) run.act()
  run.drain()
  return run.log
}

class Run {
  readonly log: string[] = []
  readonly #random: Random
  /** Percent of what goes wrong: some runs are calm, so that groups get somewhere. */
  readonly #chaos: number
  readonly #shell: SimulatedShell
  readonly #clients: readonly Client[]
  readonly #asked = new Map<RequestId, Client>()
  readonly #transactions: SimulatedTransactions
  #nextRequest = 1
  #nextUuid = 1

  constructor({ seed, step: stepFunction = step }: Simulation) {
    this.#random = seededRandom(seed)
    this.#transactions = new SimulatedTransactions(this.#random)
    this.#chaos = this.#pick([2, 5, 12])
    const invariants = new Invariants()
    this.#clients = ['p', 'q', 'r', 's', 't', 't', 'u', 'v'].map((name, i) =>
      client(`${name}${i}`, i >= 4 && i < 7 ? name : null, this.#odds(2, 3)),
    )
    this.#shell = new SimulatedShell({
      config: this.#config(),
      step: stepFunction,
      stepping: event => invariants.remember(this.#shell, event),
      watch: seen => {
        this.log.push(
          `${seen.event.now} ${seen.event.kind} ${seen.after.kind} ${seen.effects.map(({ kind }) => kind).join()}`,
        )
        invariants.check(seen, this.#shell)
      },
      answered: (request, reply) => this.#hear(request, reply),
    })
  }

  #config(): Partial<GroupConfig> {
    return {
      initialRebalanceDelayMs: this.#pick([0, 100, 3_000]),
      groupSizeMax: this.#pick([1, 3, 100, 100]),
      newMemberJoinTimeoutMs: this.#pick([5_000, 300_000]),
      offsetsRetentionMs: 60_000,
      pendingMembersMax: this.#pick([2, 100]),
    }
  }

  #odds(wins: number, of: number): boolean {
    return this.#random.integer(of) < wins
  }

  #pick<T>(from: readonly T[]): T {
    return from[this.#random.integer(from.length)]!
  }

  act(): void {
    const roll = this.#random.integer(100)
    if (roll < 20) return this.#shell.advance(this.#random.integer(1_000))
    if (roll < 20 + this.#chaos) return this.#disturb()
    const asking = this.#pick(this.#clients)
    const isPatient = asking.awaits !== undefined && this.#shell.pending.has(asking.awaits) && !this.#odds(1, 20)
    if (isPatient) return this.#shell.advance(this.#random.integer(300))
    const isLate = this.#odds(this.#chaos, 100)
    this.#request(asking, isLate ? this.#pick([NOBODY, ...asking.memories]) : asking.knows)
  }

  #disturb(): void {
    switch (this.#random.integer(8)) {
      case 0:
        return this.#shell.advance(this.#random.integer(40_000))
      case 1:
        return this.#restart()
      case 2:
      case 3:
        this.#shell.writeError = this.#pick(['NOT_COORDINATOR', 'COORDINATOR_NOT_AVAILABLE'] as const)
        return
      case 4:
        this.#pick(this.#clients).subscription = this.#random.integer(1 << TOPICS.length)
        return
      default:
        return this.#operate()
    }
  }

  #restart(): void {
    this.#asked.clear()
    this.log.push(`${this.#shell.now} restart`)
    if (this.#odds(1, 3)) this.#shell.apply({ kind: 'unload' })
    this.#shell.restart()
  }

  #operate(): void {
    const request = this.#nextRequest++
    const { offsets, transactions } = this.#shell
    switch (this.#random.integer(4)) {
      case 0:
        return this.#shell.apply({ kind: 'expireOffsets', offsets, transactions })
      case 1:
        return this.#shell.apply({ kind: 'deleteGroup', request, offsets, transactions })
      case 2:
        return this.#shell.apply({
          kind: 'deleteOffsets',
          request,
          offsets,
          transactions,
          partitions: [{ topic: this.#pick(TOPICS), partition: 0 }],
        })
      default: {
        const instanceId = this.#pick(['t', 'u'])
        return this.#shell.apply({
          kind: 'leave',
          request,
          members: [
            { memberId: '', instanceId },
            { memberId: 'nobody', instanceId: null },
          ],
        })
      }
    }
  }

  #request(asking: Client, knows: Knowledge): void {
    const request = this.#nextRequest++
    this.#asked.set(request, asking)
    asking.awaits = request
    this.#shell.apply(this.#eventOf(asking, knows, request))
  }

  #eventOf(asking: Client, knows: Knowledge, request: RequestId): TimelessEvent {
    const { memberId, generation } = knows
    const { instanceId } = asking
    const roll = this.#random.integer(100)
    if (roll < 4)
      return { kind: 'leave', request, members: [{ memberId, instanceId: this.#odds(1, 2) ? instanceId : null }] }
    if (roll < 16) return this.#commit(asking, knows, request)
    if (roll < 19) return this.#transactions.end(request, this.#shell.transactions)
    if (knows.generation === -1 ? roll < 90 : roll < 22) return this.#join(asking, knows, request)
    if (knows.isSynced ? roll < 30 : roll < 85) return this.#sync(asking, knows, request)
    return { kind: 'heartbeat', request, memberId, instanceId, generation }
  }

  #sync(asking: Client, knows: Knowledge, request: RequestId): TimelessEvent {
    const { memberId, generation } = knows
    return {
      kind: 'sync',
      request,
      memberId,
      instanceId: asking.instanceId,
      generation,
      protocolType: asking.isModern ? 'consumer' : null,
      protocolName: asking.isModern ? knows.protocolName : null,
      assignments: new Map(knows.leads ? knows.others.map(id => [id, this.#random.bytes(4)] as const) : []),
    }
  }

  #join(asking: Client, { memberId }: Knowledge, request: RequestId): Omit<Join, 'now'> {
    return {
      kind: 'join',
      request,
      memberId,
      instanceId: asking.instanceId,
      clientId: asking.name,
      clientHost: '/127.0.0.1',
      uuid: `${this.#nextUuid++}`,
      sessionTimeoutMs: this.#odds(1, 20) ? 5_000 : this.#pick([6_000, 10_000]),
      rebalanceTimeoutMs: this.#pick([6_000, 20_000]),
      protocolType: this.#odds(1, 50) ? 'connect' : 'consumer',
      protocols: this.#protocols(asking),
      memberIdRequired: asking.isModern,
      supportsSkippingAssignment: asking.isModern,
    }
  }

  #protocols({ subscription }: Client): Protocol[] {
    const topics = TOPICS.filter((_, i) => (subscription & (1 << i)) !== 0)
    const metadata = this.#odds(1, 40) ? this.#random.bytes(7) : subscriptionMetadata(topics)
    const names = this.#pick([['range', 'sticky'], ['range', 'sticky'], ['sticky', 'range'], ['sticky']])
    return names.map(name => ({ name, metadata }))
  }

  #commit(asking: Client, { memberId, generation }: Knowledge, request: RequestId): TimelessEvent {
    const isSimple = this.#odds(1, 6)
    const metadata = this.#odds(1, 10) ? 'x'.repeat(5_000) : 'm'
    return {
      kind: 'commit',
      request,
      memberId: isSimple ? '' : memberId,
      instanceId: isSimple ? null : asking.instanceId,
      generation: isSimple ? -1 : generation,
      transaction: this.#odds(1, 4) ? this.#transactions.commit(this.#shell.transactions) : null,
      transactions: this.#shell.transactions,
      supportsGroupIdNotFound: asking.isModern,
      retentionTimeMs: this.#odds(1, 10) ? 5_000 : -1,
      offsets: TOPICS.slice(0, 1 + this.#random.integer(3)).map(topic => ({
        topic,
        topicId: null,
        partition: this.#random.integer(2),
        offset: this.#random.integer(1_000),
        leaderEpoch: -1,
        metadata,
      })),
    }
  }

  /** Some answers are lost on their way. */
  #hear(request: RequestId, reply: GroupReply): void {
    const asking = this.#asked.get(request)
    this.#asked.delete(request)
    if (asking === undefined || this.#odds(this.#chaos, 100)) return
    const knows = learn(asking, reply)
    if (knows === asking.knows) return
    asking.memories.push(asking.knows)
    if (asking.memories.length > MEMORIES_MAX) asking.memories.shift()
    asking.knows = knows
  }

  drain(): void {
    this.#asked.clear()
    this.#shell.writeError = undefined
    this.#shell.advance(3_600_000)
    assert(this.#shell.pending.size === 0, 'I1 every request is answered')
    assert(this.#shell.timers.size === 0, 'I15 a silent group ends its timers')
    assert(membersOf(this.#shell.state).size === 0, 'I15 a silent group loses its members')
    this.#shell.advance(this.#shell.config.offsetsRetentionMs)
    for (const producerId of [...this.#shell.transactions.pending.keys()]) {
      const request = this.#nextRequest++
      this.#shell.apply({ kind: 'endTransaction', request, producerId, committed: false, ...this.#shell.kept })
    }
    this.#shell.apply({ kind: 'expireOffsets', ...this.#shell.kept })
    assert(this.#shell.state.kind === 'Dead', 'I15 a silent group ends')
  }
}

function client(name: string, instanceId: string | null, isModern: boolean): Client {
  return { name, instanceId, isModern, subscription: 1, knows: NOBODY, awaits: undefined, memories: [] }
}

function learn({ knows }: Client, reply: GroupReply): Knowledge {
  switch (reply.kind) {
    case 'joined': {
      const { memberId, generation, protocolName, leader, members } = reply
      return {
        memberId,
        generation,
        protocolName,
        isSynced: false,
        leads: leader === memberId,
        others: members.map(member => member.memberId),
      }
    }
    case 'joinRefused':
      if (reply.error === 'MEMBER_ID_REQUIRED') return { ...NOBODY, memberId: reply.memberId }
      return reply.error === 'REBALANCE_IN_PROGRESS' ? { ...knows, generation: -1 } : NOBODY
    case 'left':
      return NOBODY
    case 'synced':
      return { ...knows, isSynced: true }
    case 'heartbeat':
    case 'syncRefused':
      if (reply.error === 'NONE') return knows
      if (reply.error === 'REBALANCE_IN_PROGRESS') return { ...knows, generation: -1 }
      return NOBODY
    default:
      return knows
  }
}

/** Version 0 of a consumer's subscription. */
export function subscriptionMetadata(topics: readonly string[]): Uint8Array {
  const names = topics.map(topic => new TextEncoder().encode(topic))
  const bytes = new Uint8Array(10 + names.reduce((sum, name) => sum + 2 + name.length, 0))
  const view = new DataView(bytes.buffer)
  view.setInt32(2, names.length)
  let at = 6
  for (const name of names) {
    view.setInt16(at, name.length)
    bytes.set(name, at + 2)
    at += 2 + name.length
  }
  view.setInt32(at, -1)
  return bytes
}
