/** `millrace group reset` and `delete-offsets`: where a group stands is changed from outside. */
import { readFileSync } from 'node:fs'
import type { Admin, TopicPartition } from '@millrace/client'
import type { ResetOptions } from './commands/group.ts'
import { expectGroup } from './group.ts'
import { expectTopics, keyOf, parsePartitions, partitionsOf, withAdmin } from './shared/admin-session.ts'
import { CliError, usageError } from './shared/cli-error.ts'
import { type Position, parsePosition } from './shared/position.ts'
import { clamp, type OffsetRange, offsetRanges, resolvePosition } from './shared/resolve-position.ts'
import type { Session } from './shared/session.ts'
import { plural } from './shared/units.ts'

/** The way to the new offsets; each but `to` and `shift` says itself which partitions it is about. */
type Source =
  | { readonly kind: 'to'; readonly position: Position }
  | { readonly kind: 'shift'; readonly by: number }
  | { readonly kind: 'group'; readonly groupId: string }
  | { readonly kind: 'file'; readonly path: string }

export function resetGroup(session: Session, groupId: string, options: ResetOptions): Promise<void> {
  const source = sourceOf(options)
  return withAdmin(session, async admin => {
    const { out, signal } = session
    const current = await admin.groups.offsets(groupId, undefined, { signal })
    const named = await targetsOf(admin, options, [...current.values()], session)
    const given = await givenOffsets(admin, source, signal)
    const partitions = chosen(source, named, given)
    if (partitions.length === 0)
      throw new CliError(`group '${groupId}' has no offsets to move`, { hint: 'name topics with --topic' })
    // What came from another group or a file names its topics itself, which may not be there.
    await expectTopics(admin, [...new Set(partitions.map(({ topic }) => topic))], session)
    const ranges = await offsetRanges(admin, partitions, { signal })
    const targets = await newOffsets(admin, { source, partitions, ranges, current, given })
    const rows = partitions
      .map(p => ({
        topic: p.topic,
        partition: p.partition,
        current: current.get(keyOf(p))?.offset ?? null,
        new: targets.get(keyOf(p))!,
      }))
      .sort((a, b) => (a.topic === b.topic ? a.partition - b.partition : a.topic < b.topic ? -1 : 1))
    if (options.execute) {
      const offsets = rows.map(row => ({ topic: row.topic, partition: row.partition, offset: row.new }))
      await refusedWithMembers(groupId, () => admin.groups.alterOffsets(groupId, offsets, { signal }))
    }
    out.result(rows, () =>
      out.table(
        [
          { title: 'topic', cell: row => row.topic },
          { title: 'partition', cell: row => row.partition },
          { title: 'current', cell: row => row.current },
          { title: 'new', cell: row => row.new },
        ],
        rows,
      ),
    )
    out.note(
      options.execute ? `moved ${plural(rows.length, 'offset')} of ${groupId}` : 'nothing was changed: add --execute',
    )
  })
}

function sourceOf({ to, shiftBy, fromGroup, fromFile }: ResetOptions): Source {
  const sources: Source[] = [
    ...(to === undefined ? [] : [{ kind: 'to' as const, position: parsePosition(to, Date.now()) }]),
    ...(shiftBy === undefined ? [] : [{ kind: 'shift' as const, by: shiftBy }]),
    ...(fromGroup === undefined ? [] : [{ kind: 'group' as const, groupId: fromGroup }]),
    ...(fromFile === undefined ? [] : [{ kind: 'file' as const, path: fromFile }]),
  ]
  if (sources.length !== 1)
    throw usageError('say where to, once', 'with one of --to, --shift-by, --from-group and --from-file')
  return sources[0]!
}

/** The partitions that the options name; undefined when they name none. */
async function targetsOf(
  admin: Admin,
  { topic, allTopics }: { readonly topic: readonly string[]; readonly allTopics: boolean },
  current: readonly TopicPartition[],
  session: Session,
): Promise<readonly TopicPartition[] | undefined> {
  if (allTopics && topic.length > 0) throw usageError('--topic and --all-topics exclude each other')
  if (allTopics) {
    const names = [...new Set(current.map(p => p.topic))]
    return names.length === 0 ? [] : partitionsOf(await expectTopics(admin, names, session))
  }
  if (topic.length === 0) return undefined
  const wanted = topic.map(parseTopicWord)
  const found = await expectTopics(admin, [...new Set(wanted.map(({ name }) => name))], session)
  const partitions = wanted.flatMap(({ name, partitions }) =>
    partitionsOf(new Map([[name, found.get(name)!]]), partitions),
  )
  return [...new Map(partitions.map(p => [keyOf(p), p])).values()]
}

/** `orders`, `orders:0,2`. */
function parseTopicWord(word: string): { readonly name: string; readonly partitions: readonly number[] | undefined } {
  const at = word.lastIndexOf(':')
  if (at < 0) return { name: word, partitions: undefined }
  return { name: word.slice(0, at), partitions: parsePartitions(word.slice(at + 1)) }
}

type GivenOffset = TopicPartition & { readonly offset: number }

async function givenOffsets(
  admin: Admin,
  source: Source,
  signal: AbortSignal,
): Promise<ReadonlyMap<string, GivenOffset>> {
  if (source.kind === 'file') return new Map(readOffsets(source.path).map(given => [keyOf(given), given]))
  if (source.kind !== 'group') return new Map()
  const offsets = await admin.groups.offsets(source.groupId, undefined, { signal })
  // Without offsets it may be a misspelt name.
  if (offsets.size === 0) await expectGroup(admin, source.groupId, signal)
  return offsets
}

const FILE_LINES_MAX = 1_000_000

/** `topic,partition,offset` a line, what kafka-consumer-groups exports; empty lines and # comments do not count. */
function readOffsets(path: string): GivenOffset[] {
  const lines = readFileSync(path === '-' ? 0 : path, 'utf8').split('\n')
  if (lines.length > FILE_LINES_MAX) throw new CliError(`${path} has more than ${FILE_LINES_MAX} lines`)
  return lines.flatMap((line, i) => {
    const text = line.trim()
    if (text === '' || text.startsWith('#')) return []
    const match = /^"?([a-zA-Z0-9._-]{1,249})"?\s*,\s*(\d{1,9})\s*,\s*(\d{1,15})$/.exec(text)
    if (match === null) throw new CliError(`line ${i + 1} of ${path} is not topic,partition,offset`)
    return [{ topic: match[1]!, partition: Number(match[2]), offset: Number(match[3]) }]
  })
}

function chosen(
  source: Source,
  named: readonly TopicPartition[] | undefined,
  given: ReadonlyMap<string, GivenOffset>,
): readonly TopicPartition[] {
  if (source.kind === 'to' || source.kind === 'shift') {
    if (named === undefined) throw usageError('say which topics', 'with --topic or --all-topics')
    return named
  }
  const all = [...given.values()]
  if (named === undefined) return all
  const keys = new Set(named.map(keyOf))
  return all.filter(p => keys.has(keyOf(p)))
}

interface Move {
  readonly source: Source
  readonly partitions: readonly TopicPartition[]
  readonly ranges: ReadonlyMap<string, OffsetRange>
  readonly current: ReadonlyMap<string, GivenOffset>
  readonly given: ReadonlyMap<string, GivenOffset>
}

async function newOffsets(
  admin: Admin,
  { source, partitions, ranges, current, given }: Move,
): Promise<ReadonlyMap<string, number>> {
  if (source.kind === 'to' && source.position.kind !== 'stored')
    return resolvePosition(admin, ranges, partitions, source.position)
  return new Map(
    partitions.map(p => {
      const range = ranges.get(keyOf(p))!
      // Where the group never stood, it stands at the beginning.
      const stored = current.get(keyOf(p))?.offset ?? range.earliest
      const offset = source.kind === 'shift' ? stored + source.by : (given.get(keyOf(p))?.offset ?? stored)
      return [keyOf(p), clamp(offset, range)]
    }),
  )
}

export function deleteGroupOffsets(
  session: Session,
  groupId: string,
  { topic }: { readonly topic: readonly string[] },
): Promise<void> {
  return withAdmin(session, async admin => {
    const { out, signal } = session
    await expectGroup(admin, groupId, signal)
    const current = await admin.groups.offsets(groupId, undefined, { signal })
    const wanted = topic.map(parseTopicWord)
    // By name alone: offsets of topics that are gone can be deleted too.
    const partitions = [...current.values()].filter(p =>
      wanted.some(({ name, partitions }) => name === p.topic && (partitions?.includes(p.partition) ?? true)),
    )
    if (partitions.length === 0)
      throw new CliError(`group '${groupId}' has no such offsets`, {
        hint: `'millrace group describe ${groupId}' shows them`,
      })
    await admin.groups.deleteOffsets(groupId, partitions, { signal })
    out.note(`deleted ${plural(partitions.length, 'offset')} of ${groupId}`)
  })
}

/** A group with members answers a commit from outside with UNKNOWN_MEMBER_ID, which says little. */
async function refusedWithMembers(groupId: string, commit: () => Promise<void>): Promise<void> {
  try {
    await commit()
  } catch (error) {
    if ((error as { code?: unknown }).code !== 'UNKNOWN_MEMBER_ID') throw error
    throw new CliError(`group '${groupId}' has members, and only they may commit`, { hint: 'stop its members first' })
  }
}
