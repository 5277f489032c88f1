/** Walking the batches of a `.log` file: by their headers where a place is looked for, whole with checksums where nothing is believed. */
import { BATCH_OVERHEAD, type BatchHeader, hasValidCrc } from '@millrace/protocol'
import { batchAt, isControl } from './batch-view.ts'
import type { LogFile } from './open-files.ts'

const WALK_BLOCK_BYTES = 16 * 1024
const SCAN_BLOCK_BYTES = 1024 * 1024
/** Of all walks: each begins and ends within one turn, and none begins within another. */
const walkBlock = Buffer.allocUnsafeSlow(WALK_BLOCK_BYTES)

/** Reads headers one after the other, several with one read where batches are small. */
export class HeaderWalk {
  readonly #file: LogFile
  readonly #end: number
  #block: Buffer = Buffer.alloc(0)
  #blockAt = 0

  constructor(file: LogFile, end: number) {
    this.#file = file
    this.#end = end
  }

  /** The batch at the position; undefined when none that lies wholly before the end begins there. */
  at(position: number): BatchHeader | undefined {
    if (position + BATCH_OVERHEAD > this.#end) return undefined
    if (position < this.#blockAt || position + BATCH_OVERHEAD > this.#blockAt + this.#block.length) {
      const block = walkBlock.subarray(0, Math.min(WALK_BLOCK_BYTES, this.#end - position))
      this.#block = block.subarray(0, this.#file.read(block, position))
      this.#blockAt = position
    }
    const batch = batchAt(this.#block, position - this.#blockAt)
    return batch === undefined || position + batch.sizeInBytes > this.#end ? undefined : batch
  }
}

export interface ScanOptions {
  readonly from: number
  readonly end: number
  /** `whole`: each batch is read wholly and its checksum computed. `headers`: whole ones are not needed, control batches excepted. */
  readonly depth: 'whole' | 'headers'
}

/**
 * Calls `visit` with each batch, where it lies in a block, and its position, until that answers false or no whole good batch follows. Answers the position
 * after the last one that was visited with success.
 */
export async function scanBatches(
  file: LogFile,
  { from, end, depth }: ScanOptions,
  visit: (batch: BatchHeader, records: Buffer, position: number) => boolean,
): Promise<number> {
  let position = from
  let block: Buffer = Buffer.alloc(0)
  let blockAt = from
  while (position + BATCH_OVERHEAD <= end) {
    const at = position - blockAt
    const batch = batchAt(block, at)
    const size = batch?.sizeInBytes ?? BATCH_OVERHEAD
    // A length that is garbage reaches beyond the end, so no more memory is taken than the file is long.
    if (position + size > end) return position
    const isWhole = block.length - at >= size
    if (batch !== undefined && (isWhole || (depth === 'headers' && !isControl(batch)))) {
      if (depth === 'whole' && !hasValidCrc(block, at)) return position
      if (!visit(batch, block.subarray(at, at + size), position)) return position
      position += size
      continue
    }
    if (batch === undefined && block.length - at >= BATCH_OVERHEAD) return position
    block = await readBlock(file, position, Math.min(Math.max(SCAN_BLOCK_BYTES, size), end - position))
    blockAt = position
    if (block.length < Math.min(size, end - position)) return position
  }
  return position
}

async function readBlock(file: LogFile, position: number, bytes: number): Promise<Buffer> {
  const block = Buffer.allocUnsafeSlow(bytes)
  return block.subarray(0, await file.readLater(block, position))
}
