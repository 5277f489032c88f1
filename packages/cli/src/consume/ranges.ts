/** Which partitions are to be read, from where, and up to where. */
import type { Admin, TopicPartition } from '@millrace/client'
import type { ConsumeOptions } from '../commands/consume.ts'
import { keyOf, parsePartitions, partitionsOf, selectTopics } from '../shared/admin-session.ts'
import { CliError, usageError } from '../shared/cli-error.ts'
import { type Position, parsePosition } from '../shared/position.ts'
import { type OffsetRange, offsetRanges, resolvePosition } from '../shared/resolve-position.ts'
import type { Session } from '../shared/session.ts'

export interface ReadRange extends TopicPartition {
  readonly from: number
  /** The offset at which reading stops; undefined: never. */
  readonly to: number | undefined
}

export async function planRanges(
  admin: Admin,
  words: readonly string[],
  options: ConsumeOptions,
  session: Session,
): Promise<readonly ReadRange[]> {
  const begin = placeOf(options.offset ?? 'beginning', '--offset')
  const until = options.until === undefined ? undefined : placeOf(options.until, '--until')
  const wanted = options.partition === undefined ? undefined : parsePartitions(options.partition)
  const partitions = partitionsOf(await selectTopics(admin, words, session), wanted)
  const ranges = await offsetRanges(admin, partitions, { signal: session.signal, isolation: options.isolation })
  if (begin.kind === 'offset') checkOffset(begin.offset, partitions, ranges)
  const starts = await resolvePosition(admin, ranges, partitions, begin)
  const ends = await endsOf(admin, ranges, partitions, until ?? (options.exit ? { kind: 'end' } : undefined))
  return partitions
    .map(p => ({ ...p, from: starts.get(keyOf(p))!, to: ends?.get(keyOf(p)) }))
    .filter(({ from, to }) => to === undefined || from < to)
}

type Place = Exclude<Position, { kind: 'stored' }>

function placeOf(text: string, option: string): Place {
  const position = parsePosition(text, Date.now())
  if (position.kind === 'stored') throw usageError(`${option} ${text} needs a group`, 'name it with --group')
  return position
}

async function endsOf(
  admin: Admin,
  ranges: ReadonlyMap<string, OffsetRange>,
  partitions: readonly TopicPartition[],
  until: Place | undefined,
): Promise<ReadonlyMap<string, number> | undefined> {
  if (until === undefined) return undefined
  // An offset that is not there yet is waited for.
  if (until.kind === 'offset') return new Map(partitions.map(p => [keyOf(p), until.offset]))
  return resolvePosition(admin, ranges, partitions, until)
}

/** Where it is one partition that was asked for, an offset that it does not hold is a mistake and not something to be mended silently. */
function checkOffset(
  offset: number,
  partitions: readonly TopicPartition[],
  ranges: ReadonlyMap<string, OffsetRange>,
): void {
  const [only] = partitions
  if (only === undefined || partitions.length > 1) return
  const { earliest, latest } = ranges.get(keyOf(only))!
  if (offset < earliest || offset > latest)
    throw new CliError(`${only.topic} partition ${only.partition} has no offset ${offset}`, {
      hint: `it holds ${earliest} up to ${latest}`,
    })
}
