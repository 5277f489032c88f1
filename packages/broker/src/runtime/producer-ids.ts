/**
 * Hands out producer ids that no other producer has or will get. They come from the catalog in blocks, so that most requests cost no write; what is left of a
 * block when the node stops is lost, which Kafka allows itself too.
 */
import type { Catalog } from '@millrace/storage'

/** Kafka's size of a block. */
const BLOCK_SIZE = 1_000

export class ProducerIds {
  readonly #catalog: Pick<Catalog, 'allocateProducerIds'>
  #next = 0
  #end = 0
  #allocating: Promise<void> | undefined

  constructor(catalog: Pick<Catalog, 'allocateProducerIds'>) {
    this.#catalog = catalog
  }

  /** Rejects with the catalog's error when there is no block to be had; a later call tries again. */
  async take(): Promise<number> {
    // After a wait the block may be empty again: the others that waited took it.
    while (this.#next === this.#end) await (this.#allocating ??= this.#allocate())
    return this.#next++
  }

  async #allocate(): Promise<void> {
    try {
      const { first, count } = await this.#catalog.allocateProducerIds(BLOCK_SIZE)
      this.#next = first
      this.#end = first + count
    } finally {
      this.#allocating = undefined
    }
  }
}
