/**
 * A shell around one group that lives in memory: it does with a step's effects what the broker's runtime does, and can crash, lose a
 * write, and jump in time. It asserts what every shell relies on: writes first, and one answer to each request.
 */
import { assert } from '@millrace/base'
import { SimulatedTimers } from '../../simulation/simulated-timers.ts'
import { DEFAULT_GROUP_CONFIG, type GroupConfig } from '../config.ts'
import { applyOffsets, type GroupOffsets } from '../offsets.ts'
import type { GroupRecord } from '../record.ts'
import {
  applyPendingOffsets,
  breakGuards,
  type GroupTransactions,
  noTransactions,
  type PendingOffsetRecord,
} from '../transactions.ts'
import type { GroupEffect } from './effect.ts'
import type { GroupEvent, GroupTimer } from './event.ts'
import { replay } from './replay.ts'
import type { GroupReply, WriteError } from './reply.ts'
import { absentGroup, emptyGroup, type GroupState, type RequestId } from './state.ts'
import { type GroupStep, step } from './step.ts'

export type StepFunction = (state: GroupState, event: GroupEvent, config: GroupConfig) => GroupStep

/** One step, as it is shown to whoever watches the shell. */
export interface Observation {
  readonly before: GroupState
  readonly event: GroupEvent
  readonly effects: readonly GroupEffect[]
  readonly after: GroupState
  /** The timers as they were before the step. */
  readonly timersBefore: ReadonlyMap<GroupTimer, number>
}

export interface ShellOptions {
  readonly config?: Partial<GroupConfig>
  readonly step?: StepFunction
  readonly stepping?: (event: TimelessEvent) => void
  readonly watch?: (seen: Observation) => void
  readonly answered?: (request: RequestId, reply: GroupReply) => void
  readonly now?: number
}

type Without<T, K extends PropertyKey> = T extends unknown ? Omit<T, K> : never
/** An event as a test writes it: the shell adds the time. */
export type TimelessEvent = Without<GroupEvent, 'now'>

const GROUP_ID = 'group'

export class SimulatedShell extends SimulatedTimers<GroupTimer> {
  readonly config: GroupConfig
  state: GroupState = absentGroup(GROUP_ID)
  /** What is durable: the record, the offsets, and what is pending of them. */
  record: GroupRecord | null = null
  readonly offsets: GroupOffsets = new Map()
  readonly transactions: GroupTransactions = noTransactions()
  /** Requests that were not answered yet. */
  readonly pending = new Set<RequestId>()
  /** The next durable write fails with this. */
  writeError: WriteError | undefined
  /** Whether the group went on without a write that failed: what is durable is older than its state until the next write. */
  isAhead = false
  readonly #options: ShellOptions
  readonly #step: StepFunction

  constructor(options: ShellOptions = {}) {
    super()
    this.#options = options
    this.#step = options.step ?? step
    this.config = { ...DEFAULT_GROUP_CONFIG, ...options.config }
    if (options.now !== undefined) this.now = options.now
  }

  /** What events that change offsets bring along. */
  get kept(): { readonly offsets: GroupOffsets; readonly transactions: GroupTransactions } {
    return { offsets: this.offsets, transactions: this.transactions }
  }

  apply(timeless: TimelessEvent): void {
    const event = { ...timeless, now: this.now } as GroupEvent
    if ('request' in event) this.pending.add(event.request)
    this.#options.stepping?.(timeless)
    const next = this.#step(this.state, event, this.config)
    const writes = next.effects.filter(isWrite)
    assert(
      writes.every((write, i) => write === next.effects[i]),
      'I2 writes come first',
    )
    if (writes.length > 0 && this.writeError !== undefined) {
      const error = this.writeError
      this.writeError = undefined
      return this.apply({ kind: 'failed', event, error })
    }
    this.#perform(event, next)
  }

  #perform(event: GroupEvent, next: GroupStep): void {
    const before = this.state
    const timersBefore = new Map(this.timers)
    this.state = next.state
    for (const effect of next.effects) this.#do(effect)
    this.isAhead ||= event.kind === 'failed' && (event.event.kind === 'leave' || event.event.kind === 'expire')
    this.#options.watch?.({ before, event, effects: next.effects, after: next.state, timersBefore })
  }

  #do(effect: GroupEffect): void {
    switch (effect.kind) {
      case 'persist':
        this.record = effect.record
        this.isAhead = false
        return
      case 'persistOffsets':
        return applyOffsets(this.offsets, effect.records)
      case 'persistPendingOffsets':
        return applyPendingOffsets(this.transactions, effect.records)
      case 'breakGuards':
        return breakGuards(this.transactions, effect.producerId)
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

  protected override expire(timer: GroupTimer): void {
    this.apply({ kind: 'expire', timer })
  }

  #replayPending(): void {
    const records: PendingOffsetRecord[] = []
    for (const [producerId, topics] of this.transactions.pending) {
      for (const [topic, partitions] of topics) {
        for (const [partition, pending] of partitions) records.push({ producerId, topic, partition, pending })
      }
    }
    this.transactions.pending.clear()
    this.transactions.nextSequence = 0
    applyPendingOffsets(this.transactions, records)
  }

  /** The process dies and comes back: connections, timers and all that was not durable are gone. */
  restart(): void {
    assert(this.state.kind !== 'Dead' || this.pending.size === 0, 'I1 a group that is given up answers everyone')
    this.timers.clear()
    this.pending.clear()
    this.transactions.guards.clear()
    this.#replayPending()
    this.isAhead = false
    this.writeError = undefined
    if (this.record !== null) this.state = replay(this.record)
    else
      this.state =
        this.offsets.size > 0 || this.transactions.pending.size > 0
          ? emptyGroup(GROUP_ID, this.now)
          : absentGroup(GROUP_ID)
    this.apply({ kind: 'loaded' })
  }
}

function isWrite(effect: GroupEffect): boolean {
  return effect.kind === 'persist' || effect.kind === 'persistOffsets' || effect.kind === 'persistPendingOffsets'
}
