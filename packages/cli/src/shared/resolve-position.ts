/** From places in words to offsets, with what the cluster says. */
import type { Admin, TopicPartition } from '@millrace/client'
import { keyOf } from './admin-session.ts'
import type { Position } from './position.ts'

export interface OffsetRange {
  readonly earliest: number
  readonly latest: number
}

export async function offsetRanges(
  admin: Admin,
  partitions: readonly TopicPartition[],
  options: { readonly signal: AbortSignal; readonly isolation?: 'read_committed' | 'read_uncommitted' },
): Promise<Map<string, OffsetRange>> {
  const [earliest, latest] = await Promise.all([
    admin.offsets.list(
      partitions.map(p => ({ ...p, at: 'earliest' as const })),
      options,
    ),
    admin.offsets.list(
      partitions.map(p => ({ ...p, at: 'latest' as const })),
      options,
    ),
  ])
  return new Map(
    partitions.map(p => [keyOf(p), { earliest: earliest.get(keyOf(p))!.offset, latest: latest.get(keyOf(p))!.offset }]),
  )
}

/** The offset in each partition, within what it holds. A time after the last record is the end. `stored` is the caller's to know. */
export async function resolvePosition(
  admin: Admin,
  ranges: ReadonlyMap<string, OffsetRange>,
  partitions: readonly TopicPartition[],
  position: Exclude<Position, { kind: 'stored' }>,
): Promise<Map<string, number>> {
  const found =
    position.kind === 'time'
      ? await admin.offsets.list(partitions.map(p => ({ ...p, at: position.timestampMs })))
      : undefined
  return new Map(
    partitions.map(p => {
      const range = ranges.get(keyOf(p))!
      const offset = position.kind === 'time' ? (found!.get(keyOf(p))?.offset ?? -1) : offsetIn(range, position)
      return [keyOf(p), position.kind === 'time' && offset < 0 ? range.latest : clamp(offset, range)]
    }),
  )
}

export const clamp = (offset: number, { earliest, latest }: OffsetRange): number =>
  Math.min(Math.max(offset, earliest), latest)

function offsetIn({ earliest, latest }: OffsetRange, position: Exclude<Position, { kind: 'stored' | 'time' }>): number {
  switch (position.kind) {
    case 'beginning':
      return earliest
    case 'end':
      return latest
    case 'offset':
      return position.offset
    case 'beforeEnd':
      return latest - position.count
    case 'afterBeginning':
      return earliest + position.count
  }
}
