/**
 * One transactional id's life outside the state machine: feeds it events one at a time, with a fresh producer id where one is needed, makes its writes
 * durable before anything that they permit, answers its requests and keeps its timers.
 */
import { assert, type Clock, type Logger, type Timer, type TimerWheel } from '@millrace/base'
import {
  needsProducerId,
  type PersistTransaction,
  stepTransaction,
  type TransactionConfig,
  type TransactionEffect,
  type TransactionEvent,
  type TransactionReply,
  type TransactionRequestId,
  type TransactionState,
  type TransactionStep,
  type TransactionTimer,
  type WriteMarkers,
} from '@millrace/coordinator'
import { type Catalog, type CatalogChange, CatalogError } from '@millrace/storage'
import type { ProducerIds } from '../producer-ids.ts'
import type { IsPromised } from '../promised-topics.ts'
import type { WrittenMarkers } from './marker-writer.ts'
import { encodeTransactionRecord } from './transaction-record-codec.ts'
import { FORGOTTEN_EPOCHS_MAX, isVitalRecord } from './vital-records.ts'

export interface TransactionShellServices {
  readonly catalog: Catalog
  readonly producerIds: ProducerIds
  readonly timers: TimerWheel
  readonly clock: Clock
  readonly logger: Logger
  readonly config: () => TransactionConfig
  readonly isPromised: IsPromised
  readonly writeMarkers: (effect: WriteMarkers, written: (markers: WrittenMarkers) => void) => void
  /** Nothing of the id is to be kept. */
  readonly onDead: (transactionalId: string) => void
}

/** An event that waits for the one before it. With a timer: only if it is still the one that is armed by then. */
interface Queued {
  readonly event: TransactionEvent
  readonly timer: Timer | undefined
}

export class TransactionShell {
  readonly transactionalId: string
  readonly #services: TransactionShellServices
  readonly #queue: Queued[] = []
  readonly #pending = new Map<TransactionRequestId, (reply: TransactionReply) => void>()
  readonly #timers = new Map<TransactionTimer, Timer>()
  readonly #waiting = new Set<() => void>()
  #state: TransactionState
  #nextRequest = 1
  /** A producer id or a write is awaited. */
  #isBusy = false
  /** Its epochs may have been given out beyond the one that is known, by a process that is gone. */
  #mayHaveForgotten: boolean

  constructor(
    state: TransactionState,
    services: TransactionShellServices,
    { isRestored }: { readonly isRestored: boolean } = { isRestored: false },
  ) {
    this.#mayHaveForgotten = isRestored
    this.transactionalId = state.transactionalId
    this.#state = state
    this.#services = services
  }

  /** As of the last event that was taken in; one whose write is under way is not. */
  get state(): TransactionState {
    return this.#state
  }

  ask(eventOf: (request: TransactionRequestId, now: number) => TransactionEvent): Promise<TransactionReply> {
    const request = this.#nextRequest++
    return new Promise(resolve => {
      this.#pending.set(request, resolve)
      this.tell(eventOf(request, this.#services.clock.now()))
    })
  }

  tell(event: TransactionEvent): void {
    // Bounded by what connections may have under way.
    this.#queue.push({ event, timer: undefined })
    this.#goOn()
  }

  /** Resolves when no decided transaction is left without its markers, or after `maxWaitMs`. */
  untilEnded(maxWaitMs: number): Promise<void> {
    if (!isDecided(this.#state)) return Promise.resolve()
    return new Promise(resolve => {
      const done = (): void => {
        this.#waiting.delete(done)
        timer.cancel()
        resolve()
      }
      const timer = this.#services.timers.arm(maxWaitMs, done)
      this.#waiting.add(done)
    })
  }

  /** Ends the timers; whoever still asks is told to look for another coordinator. */
  close(): void {
    this.tell({ kind: 'unload', now: this.#services.clock.now() })
    for (const timer of this.#timers.values()) timer.cancel()
    this.#timers.clear()
  }

  #goOn(): void {
    while (!this.#isBusy && this.#queue.length > 0) {
      const { event, timer } = this.#queue.shift()!
      if (event.kind === 'expire' && timer !== undefined) {
        // An event ahead in the queue armed the timer anew, or ended it: then this expiry never happened.
        if (this.#timers.get(event.timer) !== timer) continue
        this.#timers.delete(event.timer)
      }
      this.#take(event)
    }
    if (this.#state.kind === 'Dead' && !this.#isBusy && this.#pending.size === 0)
      this.#services.onDead(this.transactionalId)
  }

  #take(asked: TransactionEvent): void {
    const forgets = asked.kind === 'init' && this.#mayHaveForgotten
    const event = forgets ? { ...asked, forgottenEpochs: FORGOTTEN_EPOCHS_MAX } : asked
    if (needsProducerId(this.#state, event)) void this.#takeWithProducerId(event)
    else this.#step(event)
  }

  async #takeWithProducerId(event: TransactionEvent): Promise<void> {
    this.#isBusy = true
    try {
      const freshProducerId = await this.#services.producerIds.take()
      this.#isBusy = false
      this.#step({ ...event, freshProducerId } as TransactionEvent)
    } catch (error) {
      this.#isBusy = false
      this.#fail(event, error)
    }
    this.#goOn()
  }

  #step(event: TransactionEvent): void {
    const step = stepTransaction(this.#state, event, this.#services.config())
    // A step writes once at the most.
    const write = step.effects.find(effect => effect.kind === 'persist')
    if (write === undefined) this.#perform(step, event.now)
    else void this.#write(step, event, write)
  }

  /** The durable write comes before the answer that it permits; a failed one leaves the old state and tells those who asked. */
  async #write(step: TransactionStep, event: TransactionEvent, write: PersistTransaction): Promise<void> {
    this.#isBusy = true
    const { catalog, isPromised } = this.#services
    const before = this.#state
    try {
      await catalog.write([changeOf(write)], { isVital: isVitalRecord(before, write.record, isPromised) })
      this.#isBusy = false
      if (event.kind === 'init' && isGivenAnew(before, write)) this.#mayHaveForgotten = false
      this.#perform(step, event.now)
    } catch (error) {
      this.#isBusy = false
      this.#fail(event, error)
    }
    this.#goOn()
  }

  #fail(event: TransactionEvent, error: unknown): void {
    if (!(error instanceof CatalogError)) throw error
    this.#services.logger.error(`transactional id ${this.transactionalId} could not be written`, { error })
    this.#step({
      kind: 'failed',
      now: this.#services.clock.now(),
      event,
      error: error.code === 'FENCED' ? 'NOT_COORDINATOR' : 'COORDINATOR_NOT_AVAILABLE',
    })
  }

  #perform(step: TransactionStep, now: number): void {
    this.#state = step.state
    for (const effect of step.effects) this.#performOne(effect, now)
    if (!isDecided(step.state)) for (const done of [...this.#waiting]) done()
  }

  #performOne(effect: TransactionEffect, now: number): void {
    switch (effect.kind) {
      case 'persist':
        return
      case 'writeMarkers': {
        const { producerId, producerEpoch } = effect
        return this.#services.writeMarkers(effect, markers =>
          this.tell({ kind: 'markersWritten', now: this.#services.clock.now(), producerId, producerEpoch, ...markers }),
        )
      }
      case 'reply': {
        const resolve = this.#pending.get(effect.to)
        assert(resolve !== undefined, `transactional id ${this.transactionalId} answered a request twice`)
        this.#pending.delete(effect.to)
        return resolve(effect.reply)
      }
      case 'arm':
        return this.#arm(effect.timer, effect.at - now)
      case 'disarm':
        this.#timers.get(effect.timer)?.cancel()
        this.#timers.delete(effect.timer)
        return
      default:
        effect satisfies never
    }
  }

  /** Delays and not times are kept, so that a jump of the wall clock aborts nothing. */
  #arm(name: TransactionTimer, delayMs: number): void {
    this.#timers.get(name)?.cancel()
    const timer = this.#services.timers.arm(Math.max(0, delayMs), () => {
      const now = this.#services.clock.now()
      this.#queue.push({ event: { kind: 'expire', now, timer: name, freshProducerId: -1 }, timer })
      this.#goOn()
    })
    this.#timers.set(name, timer)
  }
}

const isDecided = (state: TransactionState): boolean => state.kind === 'PrepareCommit' || state.kind === 'PrepareAbort'

/** An identity that no producer had before: not the end of the one before, nor the same again for a producer that did not hear of it. */
const isGivenAnew = (before: TransactionState, { record }: PersistTransaction): boolean =>
  record?.status === 'Empty' &&
  (before.kind === 'Dead' || before.producerId !== record.producerId || before.producerEpoch !== record.producerEpoch)

function changeOf({ transactionalId, record }: PersistTransaction): CatalogChange {
  return record === null
    ? { kind: 'deleteTransaction', transactionalId }
    : { kind: 'putTransaction', transactionalId, value: encodeTransactionRecord(record) }
}
