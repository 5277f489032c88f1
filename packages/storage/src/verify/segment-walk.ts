/**
 * Walks a `.log` file that nobody vouches for: every batch whole, with its checksum and its records, and on behind damage. Where a batch does not hold, the next one
 * is looked for first where its length says, then byte by byte: one counts only when its checksum fits and its offset is not below what came before.
 */
import { BATCH_OVERHEAD, type BatchHeader, hasValidCrc, MAGIC, magicOf, readRecords } from '@millrace/protocol'
import type { OpenFile } from '../file-system.ts'
import { batchAt, isControl } from '../log/batch-view.ts'

const BLOCK_BYTES = 1024 * 1024
const OFFSET_DELTA_MAX = 0x7fff_ffff
/** What the records of a batch may grow to. */
const RECORDS_BYTES_MAX = 1024 * 1024 * 1024
const KNOWN_ATTRIBUTES = 0x7f

export interface SegmentVisitor {
  /** `records` are valid until the call returns. */
  readonly batch: (header: BatchHeader, records: Buffer, position: number) => void
  /** Bytes that hold no good batch. `reachesEnd`: nothing good follows in this file. */
  readonly damage: (from: number, to: number, damage: { why: string; reachesEnd: boolean; isTorn: boolean }) => void
}

export interface WalkLimits {
  readonly sizeBytes: number
  readonly baseOffset: number
  /** No batch may begin below. */
  readonly nextOffset: number
  /** No batch may reach it: another segment begins there. */
  readonly endOffset: number
}

export async function walkSegment(file: OpenFile, limits: WalkLimits, visitor: SegmentVisitor): Promise<void> {
  const walk = new SegmentWalk(file, limits)
  await walk.run(visitor)
}

type Judged =
  | { readonly kind: 'good'; readonly header: BatchHeader }
  | { readonly kind: 'bad'; readonly why: string; readonly sizeInBytes: number | undefined; readonly isTorn: boolean }

class SegmentWalk {
  readonly #window: FileWindow
  readonly #limits: WalkLimits
  #nextOffset: number

  constructor(file: OpenFile, limits: WalkLimits) {
    this.#window = new FileWindow(file, limits.sizeBytes)
    this.#limits = limits
    this.#nextOffset = limits.nextOffset
  }

  async run(visitor: SegmentVisitor): Promise<void> {
    const end = this.#limits.sizeBytes
    let position = 0
    while (position < end) {
      const judged = await this.#judge(position)
      if (judged.kind === 'good') {
        const { header } = judged
        visitor.batch(header, this.#window.view(position, header.sizeInBytes), position)
        this.#nextOffset = header.lastOffset + 1
        position += header.sizeInBytes
        continue
      }
      const next = await this.#nextGood(position, judged.sizeInBytes)
      visitor.damage(position, next, { why: judged.why, reachesEnd: next === end, isTorn: judged.isTorn })
      position = next
    }
  }

  async #judge(position: number): Promise<Judged> {
    const left = this.#limits.sizeBytes - position
    const bad = (why: string, sizeInBytes?: number, isTorn = false): Judged => ({
      kind: 'bad',
      why,
      sizeInBytes,
      isTorn,
    })
    if (left < BATCH_OVERHEAD) return bad(`${left} bytes are too few for a batch`, undefined, true)
    const head = await this.#window.load(position, BATCH_OVERHEAD)
    const magic = magicOf(head, 0)
    if (magic === 0 || magic === 1) return bad(`a batch of the old format ${magic}, or none`)
    const header = batchAt(head, 0)
    if (magic !== MAGIC || header === undefined) return bad('no batch begins here')
    if (header.sizeInBytes > left)
      return bad(`a batch of ${header.sizeInBytes} bytes ends beyond the file`, undefined, true)
    const records = await this.#window.load(position, header.sizeInBytes)
    const why = this.#refusal(header, records)
    return why === undefined ? { kind: 'good', header } : bad(why, header.sizeInBytes)
  }

  #refusal(header: BatchHeader, records: Buffer): string | undefined {
    const { baseOffset, endOffset } = this.#limits
    if (!hasValidCrc(records, 0)) return `the checksum of the batch at offset ${header.baseOffset} does not fit`
    if (header.baseOffset < this.#nextOffset)
      return `the batch at offset ${header.baseOffset} follows offset ${this.#nextOffset - 1}`
    if (header.lastOffset - baseOffset > OFFSET_DELTA_MAX || header.lastOffset >= endOffset)
      return `the batch up to offset ${header.lastOffset} reaches beyond its segment`
    return isControl(header) ? undefined : recordsProblem(header, records)
  }

  /** Where the next batch begins that holds; the end of the file when there is none. */
  async #nextGood(position: number, sizeInBytes: number | undefined): Promise<number> {
    const end = this.#limits.sizeBytes
    if (sizeInBytes !== undefined) {
      const behind = position + sizeInBytes
      if (behind === end || (await this.#judge(behind)).kind === 'good') return behind
    }
    for (let from = position + 1; from + BATCH_OVERHEAD <= end; ) {
      const block = await this.#window.load(from, Math.min(BLOCK_BYTES, end - from))
      for (const at of candidates(block, { ...this.#limits, nextOffset: this.#nextOffset, left: end - from }))
        if ((await this.#judge(from + at)).kind === 'good') return from + at
      if (from + block.length === end) break
      from += block.length - BATCH_OVERHEAD + 1
    }
    return end
  }
}

/** Positions in the block at which a header makes sense. The block is copied: judging a candidate moves the window. */
function candidates(block: Buffer, limits: WalkLimits & { readonly left: number }): readonly number[] {
  const found: number[] = []
  for (let magic = block.indexOf(MAGIC, 16); magic >= 0; magic = block.indexOf(MAGIC, magic + 1)) {
    const at = magic - 16
    const header = batchAt(block, at)
    if (header === undefined || header.sizeInBytes > limits.left - at) continue
    const { baseOffset, lastOffset, attributes, recordCount, lastOffsetDelta } = header
    if (baseOffset < limits.nextOffset || lastOffset >= limits.endOffset) continue
    if (baseOffset - limits.baseOffset > OFFSET_DELTA_MAX || (attributes & ~KNOWN_ATTRIBUTES) !== 0) continue
    if (recordCount < 0 || recordCount > lastOffsetDelta + 1) continue
    found.push(at)
  }
  return found
}

function recordsProblem(header: BatchHeader, records: Buffer): string | undefined {
  try {
    let count = 0
    let last = header.baseOffset - 1
    for (const { offset } of readRecords(records, 0, { maxBytes: RECORDS_BYTES_MAX, transient: true })) {
      if (offset <= last || offset > header.lastOffset)
        return `the batch at offset ${header.baseOffset} has a record at offset ${offset} behind ${last}`
      last = offset
      count++
    }
    if (count !== header.recordCount)
      return `the batch at offset ${header.baseOffset} has ${count} records and says ${header.recordCount}`
    return undefined
  } catch (fault) {
    const why = fault instanceof Error ? fault.message : String(fault)
    return `the records of the batch at offset ${header.baseOffset} cannot be read: ${why}`
  }
}

/** One block of the file in memory, or one batch where that is larger. */
class FileWindow {
  readonly #file: OpenFile
  readonly #end: number
  #block: Buffer = Buffer.alloc(0)
  #start = 0

  constructor(file: OpenFile, end: number) {
    this.#file = file
    this.#end = end
  }

  async load(position: number, length: number): Promise<Buffer> {
    const isHeld = position >= this.#start && position + length <= this.#start + this.#block.length
    if (!isHeld) {
      const wanted = Math.min(Math.max(length, BLOCK_BYTES), this.#end - position)
      const block = Buffer.allocUnsafeSlow(wanted)
      const filled = await this.#file.readLater(block, position)
      // Bytes that vanished under the reader are no batch: zeros say so.
      this.#block = block.fill(0, filled)
      this.#start = position
    }
    return this.view(position, length)
  }

  /** What was loaded before. */
  view(position: number, length: number): Buffer {
    return this.#block.subarray(position - this.#start, position - this.#start + length)
  }
}
