/**
 * A shell around one transactional id that lives in memory: it does with a step's effects what the broker's runtime does, and can crash, lose a
 * write, and jump in time. Markers wait in it until a test lets them arrive.
 */
import { assert } from '@millrace/base'
import type { WriteError } from '../group/classic/reply.ts'
import { SimulatedTimers } from '../simulation/simulated-timers.ts'
import { DEFAULT_TRANSACTION_CONFIG, type TransactionConfig } from './config.ts'
import type { TransactionEffect, WriteMarkers } from './effect.ts'
import type { TransactionEvent, TransactionTimer } from './event.ts'
import type { TransactionRecord } from './record.ts'
import { replayTransaction } from './replay.ts'
import type { TransactionReply } from './reply.ts'
import { absentTransaction, type TransactionRequestId, type TransactionState } from './state.ts'
import { needsProducerId, step, type TransactionStep } from './step.ts'

export type StepFunction = (
  state: TransactionState,
  event: TransactionEvent,
  config: TransactionConfig,
) => TransactionStep

/** One step, as it is shown to whoever watches the shell. */
export interface Observation {
  readonly before: TransactionState
  readonly event: TransactionEvent
  readonly effects: readonly TransactionEffect[]
  readonly after: TransactionState
}

export interface ShellOptions {
  readonly config?: Partial<TransactionConfig>
  readonly step?: StepFunction
  readonly stepping?: () => void
  readonly watch?: (seen: Observation) => void
  readonly answered?: (request: TransactionRequestId, reply: TransactionReply) => void
}

type Without<T, K extends PropertyKey> = T extends unknown ? Omit<T, K> : never
/** An event as a test writes it: the shell adds the time and the producer id. */
export type TimelessEvent = Without<TransactionEvent, 'now' | 'freshProducerId'>

export const TRANSACTIONAL_ID = 'id'
const FIRST_PRODUCER_ID = 1_000

export class SimulatedShell extends SimulatedTimers<TransactionTimer> {
  config: TransactionConfig
  state: TransactionState = absentTransaction(TRANSACTIONAL_ID)
  /** What is durable. */
  record: TransactionRecord | null = null
  readonly pending = new Set<TransactionRequestId>()
  /** Markers that were asked for and are under way. */
  markers: WriteMarkers[] = []
  /** The next durable write fails with this. */
  writeError: WriteError | undefined
  nextProducerId = FIRST_PRODUCER_ID
  readonly #options: ShellOptions
  readonly #step: StepFunction

  constructor(options: ShellOptions = {}) {
    super()
    this.#options = options
    this.#step = options.step ?? step
    this.config = { ...DEFAULT_TRANSACTION_CONFIG, ...options.config }
  }

  apply(timeless: TimelessEvent): void {
    const freshProducerId = needsProducerId(this.state, timeless) ? this.nextProducerId++ : -1
    this.#take({ ...timeless, now: this.now, freshProducerId } as TransactionEvent)
  }

  #take(event: TransactionEvent): void {
    if ('request' in event) this.pending.add(event.request)
    this.#options.stepping?.()
    const next = this.#step(this.state, event, this.config)
    const writes = next.effects.filter(({ kind }) => kind === 'persist')
    assert(writes.length <= 1 && (writes.length === 0 || writes[0] === next.effects[0]), 'I2 the write comes first')
    if (writes.length > 0 && this.writeError !== undefined) {
      const error = this.writeError
      this.writeError = undefined
      return this.#take({ kind: 'failed', now: this.now, event, error })
    }
    const before = this.state
    this.state = next.state
    // What is complete has all its markers: none is on its way any more.
    if (!next.state.kind.startsWith('Prepare')) this.markers = []
    for (const effect of next.effects) this.#do(effect)
    this.#options.watch?.({ before, event, effects: next.effects, after: next.state })
  }

  #do(effect: TransactionEffect): void {
    switch (effect.kind) {
      case 'persist':
        this.record = effect.record
        return
      case 'writeMarkers':
        this.markers.push(effect)
        return
      case 'reply':
        assert(this.pending.delete(effect.to), 'I1 a request is answered once')
        this.#options.answered?.(effect.to, effect.reply)
        return
      case 'arm':
        return this.arm(effect.timer, effect.at)
      case 'disarm':
        this.timers.delete(effect.timer)
        return
      default:
        return effect satisfies never
    }
  }

  protected override expire(timer: TransactionTimer): void {
    this.apply({ kind: 'expire', timer })
  }

  /** The markers under way arrive everywhere. */
  deliver(): void {
    const arrived = this.markers
    this.markers = []
    for (const markers of arrived) this.apply(written(markers))
  }

  /** The process dies and comes back: connections, timers, markers and all that was not durable are gone. */
  restart(): void {
    this.timers.clear()
    this.pending.clear()
    this.markers = []
    this.writeError = undefined
    this.state = this.record === null ? absentTransaction(TRANSACTIONAL_ID) : replayTransaction(this.record)
    this.apply({ kind: 'loaded' })
  }
}

export function written({ producerId, producerEpoch, partitions, groups }: WriteMarkers): TimelessEvent {
  return {
    kind: 'markersWritten',
    producerId,
    producerEpoch,
    partitions: [...partitions].flatMap(([topic, numbers]) => [...numbers].map(partition => ({ topic, partition }))),
    groups: [...groups],
  }
}
