/** The segment that a cleaning writes: batches are gathered and written some hundred kilobytes at a time. */
import { readBatchHeader } from '@millrace/protocol'
import { CLEANED_SUFFIX } from '../file-names.ts'
import type { LogServices } from '../log-services.ts'
import { LogSegment } from '../segment.ts'
import type { Pace } from './pace.ts'

export interface WriterOptions {
  readonly folder: string
  readonly baseOffset: number
  readonly indexIntervalBytes: number
  readonly blockBytes: number
}

export class SegmentWriter {
  readonly segment: LogSegment
  readonly #pace: Pace
  readonly #indexIntervalBytes: number
  readonly #block: Buffer
  #filled = 0
  #writtenBytes = 0

  constructor({ files, clock }: LogServices, pace: Pace, options: WriterOptions) {
    const { folder, baseOffset, indexIntervalBytes, blockBytes } = options
    this.segment = LogSegment.create(files, folder, { baseOffset, nowMs: clock.now(), ending: CLEANED_SUFFIX })
    this.#pace = pace
    this.#indexIntervalBytes = indexIntervalBytes
    this.#block = Buffer.allocUnsafeSlow(blockBytes)
  }

  append(batch: Buffer): void {
    if (this.#filled + batch.length > this.#block.length) this.#flush()
    if (batch.length > this.#block.length) this.#write(batch)
    else this.#filled += batch.copy(this.#block, this.#filled)
    this.segment.note(readBatchHeader(batch, 0), this.segment.sizeBytes, this.#indexIntervalBytes)
  }

  /** The segment, whole and on the device. */
  async finish(): Promise<LogSegment> {
    this.#flush()
    this.segment.seal()
    await this.segment.sync()
    this.segment.isNew = false
    this.segment.close()
    return this.segment
  }

  #flush(): void {
    if (this.#filled > 0) this.#write(this.#block.subarray(0, this.#filled))
    this.#filled = 0
  }

  #write(bytes: Buffer): void {
    this.segment.log.write(bytes, this.#writtenBytes)
    this.#writtenBytes += bytes.length
    this.#pace.moved(bytes.length)
  }
}
