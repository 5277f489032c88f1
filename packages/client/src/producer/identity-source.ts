import { InitProducerId } from '@millrace/protocol'
import type { Cluster } from '../cluster/cluster.ts'
import { wireError } from '../errors.ts'
import type { ProducerIdentity } from './producer-batch.ts'

const EPOCH_MAX = 0x7fff

/**
 * Producer ids and epochs of an idempotent producer. Each partition that has to start again gets an epoch of its own: brokers compare epochs within a
 * partition only, so partitions that are well keep theirs.
 */
export class IdentitySource {
  readonly #cluster: Cluster
  #latest: ProducerIdentity | undefined
  #asking: Promise<ProducerIdentity> | undefined

  constructor(cluster: Cluster) {
    this.#cluster = cluster
  }

  /** What a new partition starts with. */
  get latest(): ProducerIdentity | undefined {
    return this.#latest
  }

  /** Asks a broker for an id, once for all who wait. */
  acquire(): Promise<ProducerIdentity> {
    this.#asking ??= this.#ask().finally(() => {
      this.#asking = undefined
    })
    return this.#asking
  }

  /** The next epoch; undefined when the id has none left and another has to be acquired. */
  bump(): ProducerIdentity | undefined {
    if (this.#latest === undefined) return undefined
    const { producerId, producerEpoch } = this.#latest
    this.#latest = producerEpoch >= EPOCH_MAX ? undefined : { producerId, producerEpoch: producerEpoch + 1 }
    return this.#latest
  }

  async #ask(): Promise<ProducerIdentity> {
    const cluster = this.#cluster
    this.#latest = await cluster.retry({}, async () => {
      const connection = await cluster.any()
      const answer = await connection.request(InitProducerId, {
        transactionalId: null,
        transactionTimeoutMs: 0x7fff_ffff,
      })
      if (answer.errorCode !== 0) throw wireError(answer.errorCode, 'asking for a producer id')
      return { producerId: answer.producerId, producerEpoch: answer.producerEpoch }
    })
    return this.#latest
  }
}
