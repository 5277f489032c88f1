/** A stored batch looked at where it lies, with nothing believed that was not checked: what is on a disk may be torn or garbled. */
import {
  BATCH_OVERHEAD,
  type BatchHeader,
  batchSizeOf,
  CONTROL_BIT,
  MAGIC,
  magicOf,
  patchBaseOffset,
  patchLeaderEpoch,
  readBatchHeader,
  TRANSACTIONAL_BIT,
} from '@millrace/protocol'

export const isTransactional = (batch: BatchHeader): boolean => (batch.attributes & TRANSACTIONAL_BIT) !== 0
export const isControl = (batch: BatchHeader): boolean => (batch.attributes & CONTROL_BIT) !== 0

/** The batch whose header begins at `at`; undefined where there is no whole header or it cannot be one. Its records may lie beyond the buffer. */
export function batchAt(buffer: Buffer, at: number): BatchHeader | undefined {
  if (buffer.length - at < BATCH_OVERHEAD || magicOf(buffer, at) !== MAGIC) return undefined
  if (batchSizeOf(buffer, at) < BATCH_OVERHEAD) return undefined
  const header = readBatchHeader(buffer, at)
  return header.lastOffsetDelta >= 0 && header.baseOffset >= 0 && Number.isSafeInteger(header.lastOffset)
    ? header
    : undefined
}

/** Neither field is under the checksum, so a broker may write them into a batch as it came. */
export function stampBatch(records: Buffer, baseOffset: number, leaderEpoch: number): void {
  patchBaseOffset(records, 0, baseOffset)
  patchLeaderEpoch(records, 0, leaderEpoch)
}
