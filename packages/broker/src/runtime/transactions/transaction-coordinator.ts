/** All transactional ids that this node coordinates. */
import type { Clock, Logger, Timer, TimerWheel } from '@millrace/base'
import {
  absentTransaction,
  DEFAULT_TRANSACTION_CONFIG,
  replayTransaction,
  type TransactionConfig,
  type TransactionEvent,
  type TransactionReply,
  type TransactionRequestId,
  type TransactionState,
} from '@millrace/coordinator'
import { MalformedError } from '@millrace/protocol'
import type { Catalog, StoredTransaction } from '@millrace/storage'
import type { BrokerConfig } from '../../config/broker-config.ts'
import type { Features } from '../../metadata/features.ts'
import type { ProducerIds } from '../producer-ids.ts'
import { promisedTopics } from '../promised-topics.ts'
import { type MarkerServices, MarkerWriter } from './marker-writer.ts'
import { decodeTransactionRecord } from './transaction-record-codec.ts'
import { TransactionShell, type TransactionShellServices } from './transaction-shell.ts'

export interface TransactionCoordinatorOptions extends MarkerServices {
  readonly catalog: Catalog
  readonly config: BrokerConfig
  readonly features: Features
  readonly producerIds: ProducerIds
  readonly timers: TimerWheel
  readonly clock: Clock
  readonly logger: Logger
  /** Whether this node coordinates the transactional id. */
  readonly isOwn: (transactionalId: string) => boolean
}

/** The record of the id cannot be read, so that nobody knows what it is in the middle of. Clients give up and say so. */
export interface UnreadableId {
  readonly kind: 'unreadable'
  readonly error: 'UNKNOWN_SERVER_ERROR'
}

const UNREADABLE: UnreadableId = { kind: 'unreadable', error: 'UNKNOWN_SERVER_ERROR' }

type EventOf = (request: TransactionRequestId, now: number) => TransactionEvent

export class TransactionCoordinator {
  readonly #options: TransactionCoordinatorOptions
  readonly #shells = new Map<string, TransactionShell>()
  /** Ids that are served to nobody, lest their records are written over: an operator ends what is open and drops them. */
  readonly #unreadable = new Set<string>()
  readonly #services: TransactionShellServices
  readonly #markers: MarkerWriter
  #expiry: Timer | undefined
  #closed = false

  constructor(options: TransactionCoordinatorOptions) {
    this.#options = options
    const { catalog, producerIds, timers, clock, logger } = options
    this.#markers = new MarkerWriter(options)
    this.#services = {
      catalog,
      producerIds,
      timers,
      clock,
      logger,
      config: () => this.#config(),
      isPromised: promisedTopics(options.image),
      writeMarkers: (effect, written) => this.#markers.write(effect, written),
      // After the end they stay, so that whoever still asks is sent on instead of told that there is no such id.
      onDead: id => void (this.#closed || this.#shells.delete(id)),
    }
  }

  /** Takes up the ids where they were left: what was decided gets its markers, what was open is aborted when its time is up. */
  async start(): Promise<void> {
    const states = (await this.#options.catalog.loadTransactions()).flatMap(stored => this.#restore(stored) ?? [])
    const now = this.#options.clock.now()
    for (const shell of [...this.#shells.values()]) shell.tell({ kind: 'loaded', now })
    if (this.#unreadable.size === 0) void this.#dropOrphans(states)
    this.#expireLater()
  }

  close(): void {
    this.#closed = true
    this.#expiry?.cancel()
    this.#markers.close()
    for (const shell of [...this.#shells.values()]) shell.close()
  }

  /** `transactionalId` names an id that need not exist yet. */
  async ask(transactionalId: string, eventOf: EventOf): Promise<TransactionReply | UnreadableId> {
    if (this.isUnreadable(transactionalId)) return UNREADABLE
    return this.#shellOf(transactionalId).ask(eventOf)
  }

  /**
   * The same, but an answer that only the end of the transaction before stands in the way of is waited for, as long as Kafka's brokers do: its markers
   * take a moment, and a client that is sent away comes back much later.
   */
  async askPatiently(transactionalId: string, eventOf: EventOf): Promise<TransactionReply | UnreadableId> {
    if (this.isUnreadable(transactionalId)) return UNREADABLE
    const { clock, config } = this.#options
    const deadline = clock.monotonicMs() + config.addPartitionsToTxnRetryBackoffMaxMs
    for (;;) {
      const shell = this.#shellOf(transactionalId)
      const reply = await shell.ask(eventOf)
      const leftMs = deadline - clock.monotonicMs()
      if (!('error' in reply) || reply.error !== 'CONCURRENT_TRANSACTIONS' || leftMs <= 0) return reply
      await shell.untilEnded(leftMs)
    }
  }

  isUnreadable(transactionalId: string): boolean {
    return this.#unreadable.has(transactionalId)
  }

  /** Undefined for an id that is not known. */
  stateOf(transactionalId: string): TransactionState | undefined {
    return this.#shells.get(transactionalId)?.state
  }

  countByState(): Map<TransactionState['kind'], number> {
    const counts = new Map<TransactionState['kind'], number>()
    for (const { state } of this.#shells.values()) counts.set(state.kind, (counts.get(state.kind) ?? 0) + 1)
    return counts
  }

  states(): TransactionState[] {
    return [...this.#shells.values()].map(shell => shell.state).filter(state => state.kind !== 'Dead')
  }

  #shellOf(transactionalId: string): TransactionShell {
    // Another node's: it sends everyone away, and nobody remembers it.
    if (!this.#options.isOwn(transactionalId))
      return new TransactionShell({ ...absentTransaction(transactionalId), unloaded: true }, this.#services)
    let shell = this.#shells.get(transactionalId)
    if (shell === undefined) {
      shell = new TransactionShell({ ...absentTransaction(transactionalId), unloaded: this.#closed }, this.#services)
      this.#shells.set(transactionalId, shell)
    }
    return shell
  }

  /** Answers the state, another node's too. */
  #restore({ transactionalId, value }: StoredTransaction): TransactionState | undefined {
    try {
      const state = replayTransaction(decodeTransactionRecord(transactionalId, value))
      const isRestored = !this.#options.config.isDurable
      if (this.#options.isOwn(transactionalId))
        this.#shells.set(transactionalId, new TransactionShell(state, this.#services, { isRestored }))
      return state
    } catch (error) {
      if (!(error instanceof MalformedError)) throw error
      this.#unreadable.add(transactionalId)
      this.#options.logger.error(
        `the record of transactional id ${transactionalId} in the catalog cannot be read (${error.message}): its producers are refused with UNKNOWN_SERVER_ERROR. ` +
          'End what it has open with kafka-transactions find-hanging and abort, then stop the broker and run millrace transaction drop',
      )
      return undefined
    }
  }

  /** Offsets whose transaction nobody knows any more, since an operator has dropped its record: they would be in the way of their group for ever. */
  async #dropOrphans(states: readonly TransactionState[]): Promise<void> {
    const { groups, logger } = this.#options
    const known = new Set<string>()
    for (const state of states)
      if ('groups' in state) for (const groupId of state.groups) known.add(`${state.producerId} ${groupId}`)
    for (const { groupId, producerId } of groups.pendingTransactions()) {
      if (known.has(`${producerId} ${groupId}`)) continue
      logger.warn('offsets of a transaction that is not known are dropped', { groupId, producerId })
      await groups.endTransaction(groupId, producerId, false)
    }
  }

  #expireLater(): void {
    const { timers, config, clock } = this.#options
    this.#expiry = timers.arm(config.transactionRemoveExpiredTransactionCleanupIntervalMs, () => {
      for (const shell of [...this.#shells.values()]) shell.tell({ kind: 'expireId', now: clock.now() })
      this.#expireLater()
    })
  }

  #config(): TransactionConfig {
    const { config, features } = this.#options
    return {
      ...DEFAULT_TRANSACTION_CONFIG,
      transactionTimeoutMsMax: config.transactionMaxTimeoutMs,
      transactionalIdExpirationMs: config.transactionalIdExpirationMs,
      transactionVersion: features.transactionVersion,
      retryMs: config.transactionAbortTimedOutTransactionCleanupIntervalMs,
    }
  }
}
