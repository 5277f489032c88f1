/** Gathers a step's effects, of which the write comes first: nothing that a step does is seen before what it writes is durable. */
import type { TransactionConfig } from './config.ts'
import type { PersistTransaction, TransactionEffect } from './effect.ts'
import type { TransactionTimer } from './event.ts'
import type { TransactionRecord } from './record.ts'
import type { AddError, EndError, InitError, TransactionReply, VerifyError } from './reply.ts'
import type { Decided, TransactionRequestId } from './state.ts'

export class Outbox {
  readonly config: TransactionConfig
  readonly now: number
  #write: PersistTransaction | undefined
  readonly #rest: TransactionEffect[] = []

  constructor(config: TransactionConfig, now: number) {
    this.config = config
    this.now = now
  }

  get effects(): readonly TransactionEffect[] {
    return this.#write === undefined ? this.#rest : [this.#write, ...this.#rest]
  }

  persist(transactionalId: string, record: TransactionRecord | null): void {
    this.#write = { kind: 'persist', transactionalId, record }
  }

  reply(to: TransactionRequestId, reply: TransactionReply): void {
    this.#rest.push({ kind: 'reply', to, reply })
  }

  refuseInit(to: TransactionRequestId, error: InitError): void {
    this.reply(to, { kind: 'initRefused', error })
  }

  refuseAdd(to: TransactionRequestId, error: AddError): void {
    this.reply(to, { kind: 'addRefused', error })
  }

  refuseVerify(to: TransactionRequestId, error: VerifyError): void {
    this.reply(to, { kind: 'verifyRefused', error })
  }

  refuseEnd(to: TransactionRequestId, error: EndError): void {
    this.reply(to, { kind: 'endRefused', error })
  }

  writeMarkers(state: Decided): void {
    this.#rest.push({
      kind: 'writeMarkers',
      transactionalId: state.transactionalId,
      producerId: state.producerId,
      producerEpoch: state.producerEpoch,
      coordinatorEpoch: this.config.coordinatorEpoch,
      committed: state.kind === 'PrepareCommit',
      partitions: state.partitions,
      groups: state.groups,
      transactionVersion: state.clientTransactionVersion,
    })
  }

  arm(timer: TransactionTimer, at: number): void {
    this.#rest.push({ kind: 'arm', timer, at: Math.max(at, this.now) })
  }

  disarm(timer: TransactionTimer): void {
    this.#rest.push({ kind: 'disarm', timer })
  }
}
