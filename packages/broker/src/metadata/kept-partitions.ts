/**
 * What Metadata says of a topic's partitions, kept in the form in which it is sent. Clients ask for all of it again and again and it hardly ever changes, so it is
 * encoded once for each version that they speak; an answer is then a few fields about each topic and views of these bytes. Nothing is kept that depends on who
 * asks, but for the nodes that their listener can name. `ClusterImage` lets a topic's go with every change of its partitions.
 */
import type { EncodedArray } from '@millrace/protocol'

/** Some 300,000 partitions of large topics in one version. */
const KEPT_BYTES_MAX = 8 << 20
/** What an entry takes beside its bytes. */
const ENTRY_BYTES = 256

export class KeptPartitions {
  /** By form, then by topic id. */
  readonly #forms = new Map<string, Map<string, EncodedArray>>()
  #bytes = 0

  /** `form`: what the bytes depend on beside the topic. */
  find(form: string, topicId: string): EncodedArray | undefined {
    return this.#forms.get(form)?.get(topicId)
  }

  keep(form: string, topicId: string, encoded: EncodedArray): void {
    const size = encoded.sizeBytes + ENTRY_BYTES
    // Forms that nobody asks for any more go as well, and what is asked for comes back with the next answer.
    if (this.#bytes + size > KEPT_BYTES_MAX) this.#forgetAll()
    let ofForm = this.#forms.get(form)
    if (ofForm === undefined) this.#forms.set(form, (ofForm = new Map()))
    ofForm.set(topicId, encoded)
    this.#bytes += size
  }

  forget(topicId: string): void {
    for (const ofForm of this.#forms.values()) {
      const encoded = ofForm.get(topicId)
      if (encoded === undefined) continue
      ofForm.delete(topicId)
      this.#bytes -= encoded.sizeBytes + ENTRY_BYTES
    }
  }

  get bytes(): number {
    return this.#bytes
  }

  #forgetAll(): void {
    this.#forms.clear()
    this.#bytes = 0
  }
}
