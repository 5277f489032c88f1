import type { CallOptions } from '../client-options.ts'
import { KafkaError } from '../errors.ts'
import { Transaction, type TransactionPort } from './transaction.ts'
import type { TransactionSession } from './transaction-session.ts'

/** The transactions of one producer, one after the other. */
export class Transactions<K, V> {
  readonly #port: TransactionPort<K, V>
  readonly #session: TransactionSession
  #current: Transaction<K, V> | undefined
  #isBeginning = false

  constructor(port: TransactionPort<K, V>, session: TransactionSession) {
    this.#port = port
    this.#session = session
  }

  async init(call: CallOptions): Promise<void> {
    await this.#session.init(call)
  }

  /** One whose outcome was decided and could not be told is told first. */
  async begin(call: CallOptions): Promise<Transaction<K, V>> {
    if (this.#isBeginning || this.#current?.isOpen === true)
      throw new KafkaError('INVALID_STATE', 'this producer has a transaction: commit or abort it before the next')
    this.#isBeginning = true
    try {
      await this.#current?.finish(call)
      await this.#session.begin(call)
      this.#current = new Transaction(this.#port, this.#session)
      return this.#current
    } finally {
      this.#isBeginning = false
    }
  }

  async run<T>(work: (transaction: Transaction<K, V>) => Promise<T> | T, call: CallOptions): Promise<T> {
    await using transaction = await this.begin(call)
    const result = await work(transaction)
    await transaction.commit(call)
    return result
  }

  async close(call: CallOptions): Promise<void> {
    await this.#current?.finish(call)
  }
}
