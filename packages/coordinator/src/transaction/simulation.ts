/**
 * Producers that fight over one transactional id, for as many actions as asked for, from a seed: they take over from each other, come back after they
 * were replaced, repeat what they got no answer to, and fall silent; writes fail, time passes, the process dies and comes back. What each step
 * does is held against the invariants, and what becomes of the records against what producers were told.
 */
import { assert, type Random, seededRandom } from '@millrace/base'
import type { TopicPartition } from '../topic-partition.ts'
import type { TransactionVersion } from './config.ts'
import type { WriteMarkers } from './effect.ts'
import type { AddOffsets, AddPartitions, ProducerIdAndEpoch } from './event.ts'
import { Invariants } from './invariants.ts'
import type { TransactionReply } from './reply.ts'
import { SimulatedShell, type StepFunction, type TimelessEvent, TRANSACTIONAL_ID } from './simulated-shell.ts'
import { type Attempt, newAttempt, SimulatedWorld } from './simulated-world.ts'
import { PRODUCER_EPOCH_MAX, type TransactionRequestId } from './state.ts'
import { step } from './step.ts'

export interface Simulation {
  readonly seed: number
  readonly actions: number
  /** A step with a bug, to see that it is found. */
  readonly step?: StepFunction
}

/** Gives the log of the run; throws when an invariant breaks. */
export function simulate(simulation: Simulation): readonly string[] {
  const run = new Run(simulation)
  for (let i = 0; i < simulation.actions; i++) run.act()
  run.drain()
  return run.log
}

const PARTITIONS = [0, 1, 2]
const GROUPS = ['g', 'h']
const TIMEOUT_MS = 60_000
const DAY_MS = 86_400_000

interface Producer {
  readonly version: TransactionVersion
  /** What it knows itself by; undefined before its start. */
  identity: ProducerIdAndEpoch | undefined
  /** Its open transaction, and how it means to end it once it has begun to. */
  attempt: Attempt | undefined
  ending: boolean | undefined
  /** Something may have been added: with the classic protocol nothing else is ended. */
  mayHaveAdded: boolean
  /** Places of which it has heard that they were added. */
  readonly added: Set<string>
}

class Run {
  readonly log: string[] = []
  readonly #random: Random
  readonly #chaos: number
  readonly #world = new SimulatedWorld()
  readonly #shell: SimulatedShell
  readonly #producers: readonly Producer[]
  #reply: TransactionReply | undefined
  #late: { readonly producer: Producer; readonly identity: ProducerIdAndEpoch; readonly place: string } | undefined
  #nextRequest: TransactionRequestId = 1

  constructor({ seed, step: stepFunction = step }: Simulation) {
    this.#random = seededRandom(seed)
    this.#chaos = this.#pick([2, 6, 15])
    const invariants = new Invariants(this.#world)
    const versions = this.#pick([[0], [2], [2], [0, 2]] as const)
    this.#producers = [0, 1, 2, 3].map(() => producer(this.#pick(versions)))
    this.#shell = new SimulatedShell({
      config: { transactionVersion: this.#pick([...versions]), partitionsMax: this.#pick([3, 100]) },
      step: stepFunction,
      stepping: () => invariants.remember(this.#shell),
      watch: seen => {
        const effects = seen.effects.map(({ kind }) => kind).join()
        this.log.push(`${seen.event.now} ${seen.event.kind} ${seen.before.kind} ${seen.after.kind} ${effects}`)
        invariants.check(seen, this.#shell)
      },
      answered: (_, reply) => (this.#reply = reply),
    })
    if (this.#odds(1, 3)) this.#startNearTheLastEpoch(this.#pick(versions))
  }

  #startNearTheLastEpoch(clientTransactionVersion: TransactionVersion): void {
    const producerId = this.#shell.nextProducerId++
    this.#shell.record = {
      transactionalId: TRANSACTIONAL_ID,
      producerId,
      previousProducerId: producerId,
      nextProducerId: -1,
      producerEpoch: PRODUCER_EPOCH_MAX - this.#random.integer(6),
      lastProducerEpoch: -1,
      transactionTimeoutMs: TIMEOUT_MS,
      status: 'Empty',
      partitions: [],
      groups: [],
      lastUpdateTimestampMs: this.#shell.now,
      startTimestampMs: -1,
      clientTransactionVersion,
    }
    this.#shell.restart()
  }

  #odds(wins: number, of: number): boolean {
    return this.#random.integer(of) < wins
  }

  #pick<T>(from: readonly T[]): T {
    return from[this.#random.integer(from.length)]!
  }

  act(): void {
    const roll = this.#random.integer(100)
    if (roll < 8) return this.#shell.advance(this.#random.integer(5_000))
    if (roll < 30) return this.#deliver()
    if (roll < 34) return this.#writeLate()
    if (roll < 34 + this.#chaos) return this.#disturb()
    // Most of the time one producer has the id; the others are those that it replaced.
    this.#drive(this.#odds(4, 5) ? this.#producers[0]! : this.#pick(this.#producers))
  }

  #disturb(): void {
    switch (this.#random.integer(7)) {
      case 0:
        return this.#shell.advance(this.#random.integer(2 * TIMEOUT_MS))
      case 1:
        return this.#restart()
      case 2:
        this.#shell.writeError = this.#pick(['NOT_COORDINATOR', 'COORDINATOR_NOT_AVAILABLE'] as const)
        return
      case 3:
        return this.#shell.apply({ kind: 'expireId' })
      case 4: {
        const producer = this.#pick(this.#producers)
        producer.identity = undefined
        return forget(producer)
      }
      case 5:
        if (this.#odds(1, 10)) this.#shell.config = { ...this.#shell.config, transactionVersion: this.#pick([0, 2]) }
        return
      default:
        if (this.#odds(1, 4)) this.#shell.advance(8 * DAY_MS)
        this.#shell.apply({ kind: 'expireId' })
        return
    }
  }

  #restart(): void {
    this.log.push(`${this.#shell.now} restart`)
    if (this.#odds(1, 3)) {
      this.#shell.apply({ kind: 'unload' })
      for (const producer of this.#producers) this.#drive(producer)
    }
    this.#shell.restart()
  }

  /** A marker arrives at one place or more; that it has may not be told before the process dies. */
  #deliver(): void {
    const markers = this.#shell.markers[0]
    if (markers === undefined || !this.#shell.state.kind.startsWith('Prepare')) return
    const partitions = PARTITIONS.filter(n => markers.partitions.get('t')?.has(n) && this.#odds(1, 2))
    const groups = GROUPS.filter(group => markers.groups.has(group) && this.#odds(1, 2))
    this.#arrive(markers, partitions, groups)
    if (this.#odds(this.#chaos, 200)) return this.#restart()
    const { producerId, producerEpoch } = markers
    const named = partitions.map(partition => ({ topic: 't', partition }))
    this.#shell.apply({ kind: 'markersWritten', producerId, producerEpoch, partitions: named, groups })
  }

  #arrive(markers: WriteMarkers, partitions: readonly number[], groups: readonly string[]): void {
    for (const place of [...partitions.map(n => `t-${n}`), ...groups]) this.#world.takeMarker(place, markers)
  }

  #drive(producer: Producer): void {
    const { identity } = producer
    if (identity === undefined || this.#odds(1, 40)) return this.#start(producer)
    if (producer.ending !== undefined) return this.#end(producer, identity, producer.ending)
    producer.attempt ??= newAttempt()
    const roll = this.#random.integer(10)
    if (roll < 3) return this.#add(producer, identity)
    if (roll < 6) return this.#write(producer, identity, producer.attempt)
    if (roll < 8 && (producer.mayHaveAdded || producer.version >= 2 || this.#odds(1, 10))) {
      producer.ending = this.#odds(2, 3)
      return this.#end(producer, identity, producer.ending)
    }
  }

  #start(producer: Producer): void {
    const expected = this.#odds(1, 2) ? (producer.identity ?? null) : null
    const timeoutMs = this.#odds(1, 50) ? 0 : TIMEOUT_MS
    const reply = this.#ask(request => ({ kind: 'init', request, expected, timeoutMs }))
    if (reply?.kind === 'initialized') {
      producer.identity = { producerId: reply.producerId, producerEpoch: reply.producerEpoch }
      forget(producer)
    } else if (reply !== undefined && !isWait(reply)) producer.identity = undefined
  }

  #add(producer: Producer, identity: ProducerIdAndEpoch): void {
    const isGroup = this.#odds(1, 4)
    const partitions = this.#odds(1, 3) ? PARTITIONS.slice(0, 2) : [this.#pick(PARTITIONS)]
    const places = isGroup ? [this.#pick(GROUPS)] : partitions.map(n => `t-${n}`)
    producer.mayHaveAdded = true
    const reply = this.#ask(request => addition(places, { request, ...identity, transactionVersion: producer.version }))
    if (reply?.kind === 'added') for (const place of places) producer.added.add(place)
    else this.#react(producer, reply)
  }

  /**
   * What is not open there yet the partition leader asks the coordinator about (KIP-890): of the classic protocol, whether it was added; with
   * version 2 it adds it. A classic producer never writes before it has heard that a place was added.
   */
  #write(producer: Producer, identity: ProducerIdAndEpoch, attempt: Attempt): void {
    const place = this.#pick([...PARTITIONS.map(n => `t-${n}`), ...GROUPS])
    const { version: transactionVersion } = producer
    if (transactionVersion < 2 && !producer.added.has(place)) return
    if (this.#odds(this.#chaos, 100)) this.#late = { producer, identity, place }
    else this.#writeTo(place, producer, identity, attempt)
  }

  /** A write that was delayed on its way, perhaps beyond the end of its transaction: its producer no longer counts on it. */
  #writeLate(): void {
    if (this.#late === undefined) return
    const { producer, identity, place } = this.#late
    this.#late = undefined
    this.#writeTo(place, producer, identity, newAttempt())
  }

  #writeTo(place: string, producer: Producer, identity: ProducerIdAndEpoch, attempt: Attempt): void {
    const { version: transactionVersion } = producer
    const may = this.#world.canWrite(place, identity)
    if (may === 'no') return this.#lose(producer)
    if (may === 'unverified') {
      const reply = this.#ask(request => {
        const add = addition([place], { request, ...identity, transactionVersion })
        if (transactionVersion >= 2) return add
        return {
          ...add,
          kind: 'verify',
          groups: add.kind === 'addOffsets' ? [place] : [],
          partitions: partitionsOf(add),
        }
      })
      if (reply === undefined) return
      if (reply.kind !== 'added' && reply.kind !== 'verified') return this.#react(producer, reply)
      if (reply.kind === 'verified' && [...reply.partitions, ...reply.groups].some(({ error }) => error !== 'NONE'))
        return
    }
    this.#world.write(place, identity, attempt)
  }

  #end(producer: Producer, identity: ProducerIdAndEpoch, committed: boolean): void {
    const { attempt, version: transactionVersion } = producer
    const reply = this.#ask(request => ({ kind: 'end', request, ...identity, committed, transactionVersion }))
    if (reply?.kind !== 'ended') return this.#react(producer, reply)
    if (attempt !== undefined) this.#world.told(attempt, committed ? 'committed' : 'aborted')
    if (transactionVersion >= 2)
      producer.identity = { producerId: reply.producerId, producerEpoch: reply.producerEpoch }
    forget(producer)
  }

  #react(producer: Producer, reply: TransactionReply | undefined): void {
    if (reply === undefined || !('error' in reply) || isWait(reply)) return
    this.#lose(producer)
  }

  /** Some stop when they are told that they were replaced, others go on as if nothing had been. */
  #lose(producer: Producer): void {
    if (this.#odds(1, 3)) return
    producer.identity = undefined
    forget(producer)
  }

  /** Undefined when the answer was lost on its way. */
  #ask(event: (request: TransactionRequestId) => TimelessEvent): TransactionReply | undefined {
    this.#reply = undefined
    this.#shell.apply(event(this.#nextRequest++))
    return this.#odds(this.#chaos, 100) ? undefined : this.#reply
  }

  /** Everyone falls silent: what is open times out, its markers arrive, and the id is forgotten. */
  drain(): void {
    this.#shell.writeError = undefined
    for (let round = 0; round < 4; round++) {
      this.#shell.advance(3 * TIMEOUT_MS)
      for (const markers of this.#shell.markers.splice(0)) {
        const partitions = PARTITIONS.filter(n => markers.partitions.get('t')?.has(n))
        const groups = GROUPS.filter(group => markers.groups.has(group))
        const { producerId, producerEpoch, transactionVersion: _ } = markers
        if (this.#shell.state.kind.startsWith('Prepare')) this.#arrive(markers, partitions, groups)
        const named = partitions.map(partition => ({ topic: 't', partition }))
        this.#shell.apply({ kind: 'markersWritten', producerId, producerEpoch, partitions: named, groups })
      }
    }
    this.#world.checkEnd()
    this.#shell.advance(8 * DAY_MS)
    this.#shell.apply({ kind: 'expireId' })
    assert(this.#shell.state.kind === 'Dead', 'I14 an id that nobody uses is forgotten')
    assert(this.#shell.timers.size === 0, 'I14 an id that nobody uses has no timers')
  }
}

function producer(version: TransactionVersion): Producer {
  return { version, identity: undefined, attempt: undefined, ending: undefined, mayHaveAdded: false, added: new Set() }
}

function forget(producer: Producer): void {
  producer.attempt = undefined
  producer.ending = undefined
  producer.mayHaveAdded = false
  producer.added.clear()
}

function addition(
  [place, ...more]: readonly string[],
  fields: ProducerIdAndEpoch & {
    readonly request: TransactionRequestId
    readonly transactionVersion: TransactionVersion
  },
): Omit<AddPartitions, 'now'> | Omit<AddOffsets, 'now'> {
  assert(place !== undefined, 'something is added')
  if (GROUPS.includes(place)) return { kind: 'addOffsets', ...fields, groupId: place }
  const partitions = [place, ...more].map(name => ({ topic: 't', partition: Number(name.slice(2)) }))
  return { kind: 'addPartitions', ...fields, partitions }
}

function partitionsOf(add: Omit<AddPartitions, 'now'> | Omit<AddOffsets, 'now'>): readonly TopicPartition[] {
  return add.kind === 'addPartitions' ? add.partitions : []
}

/** Errors after which the same is asked again. */
function isWait(reply: TransactionReply): boolean {
  if (!('error' in reply)) return false
  return ['CONCURRENT_TRANSACTIONS', 'NOT_COORDINATOR', 'COORDINATOR_NOT_AVAILABLE', 'UNKNOWN_SERVER_ERROR'].includes(
    reply.error,
  )
}
