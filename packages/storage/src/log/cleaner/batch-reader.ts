/** Reads the batches of a closed segment one after the other, through one buffer, at the cleaner's pace. What is not whole and good ends the cleaning. */
import { BATCH_OVERHEAD, type BatchHeader, hasValidCrc } from '@millrace/protocol'
import { batchAt } from '../batch-view.ts'
import type { ReadPace } from '../read-pace.ts'
import { damaged, type LogSegment } from '../segment.ts'
import type { Pace } from './pace.ts'

export class BatchReader {
  readonly #pace: Pace
  readonly #readPace: ReadPace
  readonly #blockBytes: number
  #block: Buffer

  /** `blockBytes`: what is read at a time. A larger batch makes the buffer grow for as long as its segment is read. */
  constructor(pace: Pace, readPace: ReadPace, blockBytes: number) {
    this.#pace = pace
    this.#readPace = readPace
    this.#blockBytes = Math.max(blockBytes, BATCH_OVERHEAD)
    this.#block = Buffer.allocUnsafeSlow(this.#blockBytes)
  }

  /** Calls `visit` until it answers false. `bytes` are the batch, valid until it returns. */
  async each(segment: LogSegment, from: number, visit: (batch: BatchHeader, bytes: Buffer) => boolean): Promise<void> {
    let position = from
    while (position < segment.sizeBytes) {
      const wanted = Math.min(this.#block.length, segment.sizeBytes - position)
      const filled = await this.#read(segment, this.#block.subarray(0, wanted), position)
      this.#pace.moved(filled)
      const block = this.#block.subarray(0, filled)
      let at = 0
      for (;;) {
        const batch = batchAt(block, at)
        if (batch === undefined || at + batch.sizeInBytes > filled) break
        const bytes = block.subarray(at, at + batch.sizeInBytes)
        if (!hasValidCrc(bytes, 0)) throw damaged(segment, position + at)
        if (!visit(batch, bytes)) return
        at += batch.sizeInBytes
        if (this.#pace.needsRest) await this.#pace.rest()
      }
      if (at === 0) this.#grow(segment, position, block)
      position += at
    }
    if (this.#block.length > this.#blockBytes) this.#block = Buffer.allocUnsafeSlow(this.#blockBytes)
    await this.#pace.rest()
  }

  /** At once while the page cache answers: to wake a thread for it costs more than the bytes do. */
  #read({ log }: LogSegment, into: Buffer, position: number): number | Promise<number> {
    if (into.length > this.#readPace.syncBytesMax) return log.readLater(into, position)
    return this.#readPace.timed(() => log.read(into, position))
  }

  #grow(segment: LogSegment, position: number, block: Buffer): void {
    const size = batchAt(block, 0)?.sizeInBytes ?? 0
    if (size <= block.length || position + size > segment.sizeBytes) throw damaged(segment, position)
    this.#block = Buffer.allocUnsafeSlow(size)
  }
}
