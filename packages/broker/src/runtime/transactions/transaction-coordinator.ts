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
}

type EventOf = (request: TransactionRequestId, now: number) => TransactionEvent

export class TransactionCoordinator {
  readonly #options: TransactionCoordinatorOptions
  readonly #shells = new Map<string, TransactionShell>()
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
    for (const stored of await this.#options.catalog.loadTransactions()) this.#restore(stored)
    const now = this.#options.clock.now()
    for (const shell of [...this.#shells.values()]) shell.tell({ kind: 'loaded', now })
    this.#expireLater()
  }

  close(): void {
    this.#closed = true
    this.#expiry?.cancel()
    this.#markers.close()
    for (const shell of [...this.#shells.values()]) shell.close()
  }

  /** `transactionalId` names an id that need not exist yet. */
  ask(transactionalId: string, eventOf: EventOf): Promise<TransactionReply> {
    return this.#shellOf(transactionalId).ask(eventOf)
  }

  /**
   * The same, but an answer that only the end of the transaction before stands in the way of is waited for, as long as Kafka's brokers do: its markers
   * take a moment, and a client that is sent away comes back much later.
   */
  async askPatiently(transactionalId: string, eventOf: EventOf): Promise<TransactionReply> {
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
    let shell = this.#shells.get(transactionalId)
    if (shell === undefined) {
      shell = new TransactionShell({ ...absentTransaction(transactionalId), unloaded: this.#closed }, this.#services)
      this.#shells.set(transactionalId, shell)
    }
    return shell
  }

  #restore({ transactionalId, value }: StoredTransaction): void {
    try {
      const state = replayTransaction(decodeTransactionRecord(transactionalId, value))
      this.#shells.set(transactionalId, new TransactionShell(state, this.#services))
    } catch (error) {
      if (!(error instanceof MalformedError)) throw error
      this.#options.logger.error(`transactional id ${transactionalId} cannot be read and is left alone`, { error })
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
