/**
 * `transaction-indexes`: which closed segments have a `.txnindex`, and what is in it. A segment without aborted transactions has none, so that nobody could tell
 * one that was lost from one that never was, and readers of committed records would be given what was aborted.
 *
 *     0
 *     2
 *     0 68 2774012312        base offset of the segment, size of its .txnindex, CRC-32C of it
 *     4992 34 91230094
 *
 * On the device before the recovery point moves above a segment that has an index: from then on nobody reads the segment through, and what was never noted
 * would be noted as it is found. A file that is missing or damaged means that less is checked, an old one that a good index is made again. Kafka has no such
 * file and takes no notice of it.
 */
import { crc32c } from '@millrace/protocol'
import { type FileSystem, readSmallFile, replaceFile } from '../file-system.ts'
import { formatLines, parseLines, wholeNumber } from './checkpoint-file.ts'
import { TRANSACTION_INDEXES_FILE } from './file-names.ts'
import { unfit } from './index-file.ts'
import type { LogSegment } from './segment.ts'

export interface IndexSum {
  readonly sizeBytes: number
  readonly checksum: number
}

/** By base offset. */
export function readIndexSums(fs: FileSystem, folder: string): ReadonlyMap<number, IndexSum> {
  const bytes = readSmallFile(fs, `${folder}/${TRANSACTION_INDEXES_FILE}`)
  const lines = bytes === undefined ? undefined : parseLines(bytes.toString('latin1'), 3)
  const sums = new Map<number, IndexSum>()
  for (const fields of lines ?? []) {
    const [baseOffset, sizeBytes, checksum] = fields.map(wholeNumber) as [number, number, number]
    if (!fields.every(field => wholeNumber(field) >= 0)) return new Map()
    sums.set(baseOffset, { sizeBytes, checksum })
  }
  return sums
}

export async function writeIndexSums(fs: FileSystem, folder: string, segments: readonly LogSegment[]): Promise<void> {
  const path = `${folder}/${TRANSACTION_INDEXES_FILE}`
  const lines = segments.flatMap(segment => {
    const sum = (segment.transactionSum ??= segment.hasTransactionIndex ? sumOf(contentOf(segment)) : undefined)
    return sum === undefined ? [] : [`${segment.baseOffset} ${sum.sizeBytes} ${sum.checksum}`]
  })
  if (lines.length > 0 || fs.stat(path) !== undefined) await replaceFile(fs, path, formatLines(lines))
  for (const segment of segments) segment.transactionsAreNoted = true
}

/** The whole `.txnindex`, read anew. Throws CORRUPT when it is not what it was when the segment was closed. */
export function checkedContent(segment: LogSegment): Buffer {
  const expected = segment.transactionSum
  const content = segment.hasTransactionIndex ? contentOf(segment) : Buffer.alloc(0)
  if (expected === undefined) return content
  const { sizeBytes, checksum } = sumOf(content)
  if (sizeBytes !== expected.sizeBytes || checksum !== expected.checksum)
    throw unfit(segment.transactions, segment.hasTransactionIndex ? 'its checksum is another' : 'it is missing')
  return content
}

function contentOf(segment: LogSegment): Buffer {
  const bytes = Buffer.alloc(segment.transactions.sizeBytes ?? 0)
  return bytes.subarray(0, segment.transactions.read(bytes, 0))
}

const sumOf = (content: Buffer): IndexSum => ({ sizeBytes: content.length, checksum: crc32c(content) >>> 0 })
