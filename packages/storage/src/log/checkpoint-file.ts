/**
 * Kafka's small text files: a line `0` (the version), a line with the number of entries, and a line for each, its fields apart by a space.
 *
 *     0                      0
 *     2                      1
 *     orders 0 42            0 0
 *     orders 1 7             leader-epoch-checkpoint: epoch, start offset
 *     recovery-point-offset-checkpoint and its like: topic, partition, offset
 */
import type { EpochStart } from './leader-epochs.ts'

const ENTRIES_MAX = 10_000_000

/** Undefined when the file is not one of these, or its count does not agree. */
export function parseLines(text: string, fieldCount: number): readonly (readonly string[])[] | undefined {
  const lines = text.split('\n')
  const count = Number(lines[1])
  if (lines[0] !== '0' || !Number.isInteger(count) || count < 0 || count > ENTRIES_MAX) return undefined
  const entries = lines.slice(2, 2 + count).map(line => line.split(' '))
  return entries.length === count && entries.every(fields => fields.length === fieldCount) ? entries : undefined
}

export const formatLines = (lines: readonly string[]): Buffer =>
  Buffer.from(`0\n${lines.length}\n${lines.map(line => `${line}\n`).join('')}`)

export const wholeNumber = (text: string): number => (/^-?\d{1,16}$/.test(text) ? Number(text) : Number.NaN)

/** Offsets by folder name, `topic-partition`. */
export function parseOffsetCheckpoint(bytes: Buffer): ReadonlyMap<string, number> | undefined {
  const offsets = new Map<string, number>()
  const lines = parseLines(bytes.toString('utf8'), 3)
  if (lines === undefined) return undefined
  for (const [topic, partition, text] of lines) {
    const offset = wholeNumber(text!)
    if (!Number.isSafeInteger(offset)) return undefined
    offsets.set(`${topic}-${partition}`, offset)
  }
  return offsets
}

export interface PartitionOffset {
  readonly topic: string
  readonly partition: number
  readonly offset: number
}

export const formatOffsetCheckpoint = (offsets: readonly PartitionOffset[]): Buffer =>
  formatLines(offsets.map(({ topic, partition, offset }) => `${topic} ${partition} ${offset}`))

export function parseLeaderEpochs(bytes: Buffer): readonly EpochStart[] | undefined {
  const lines = parseLines(bytes.toString('utf8'), 2)
  const starts = lines?.map(([epoch, startOffset]) => ({
    epoch: wholeNumber(epoch!),
    startOffset: wholeNumber(startOffset!),
  }))
  const rises = starts?.every(
    ({ epoch, startOffset }, i) =>
      epoch > (starts[i - 1]?.epoch ?? -1) && startOffset > (starts[i - 1]?.startOffset ?? -1),
  )
  return rises === true ? starts : undefined
}

export const formatLeaderEpochs = (starts: readonly EpochStart[]): Buffer =>
  formatLines(starts.map(({ epoch, startOffset }) => `${epoch} ${startOffset}`))

/** `partition.metadata`: which topic the folder belongs to, whatever its name is. */
export const formatPartitionMetadata = (topicId: string): Buffer => Buffer.from(`version: 0\ntopic_id: ${topicId}`)

export const parsePartitionMetadata = (bytes: Buffer): string | undefined =>
  /^version: 0\ntopic_id: ([A-Za-z0-9_-]{22})\s*$/.exec(bytes.toString('utf8'))?.[1]
