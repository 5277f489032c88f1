/** `millrace topic trim`: records before a position go. */
import type { TrimOptions } from './commands/topic.ts'
import { expectTopics, keyOf, parsePartitions, partitionsOf, withAdmin } from './shared/admin-session.ts'
import { usageError } from './shared/cli-error.ts'
import { parsePosition } from './shared/position.ts'
import { offsetRanges, resolvePosition } from './shared/resolve-position.ts'
import type { Session } from './shared/session.ts'
import { formatCount } from './shared/units.ts'

export function trimTopic(session: Session, topic: string, options: TrimOptions): Promise<void> {
  const before = parsePosition(options.before, Date.now())
  if (before.kind === 'stored') throw usageError(`--before ${options.before} says nothing for a topic`)
  const wanted = options.partition === undefined ? undefined : parsePartitions(options.partition)
  return withAdmin(session, async admin => {
    const { out, signal } = session
    const partitions = partitionsOf(await expectTopics(admin, [topic], session), wanted)
    const ranges = await offsetRanges(admin, partitions, { signal })
    const targets = await resolvePosition(admin, ranges, partitions, before)
    const rows = partitions.map(p => {
      const { earliest, latest } = ranges.get(keyOf(p))!
      const newEarliest = targets.get(keyOf(p))!
      return { ...p, earliest, newEarliest, latest, removed: newEarliest - earliest }
    })
    if (options.execute)
      await admin.topics.deleteRecords(
        rows
          .filter(row => row.removed > 0)
          .map(row => ({ topic, partition: row.partition, beforeOffset: row.newEarliest })),
        { signal },
      )
    out.result(rows, () =>
      out.table(
        [
          { title: 'partition', cell: row => row.partition },
          { title: 'earliest', cell: row => row.earliest },
          { title: 'new earliest', cell: row => row.newEarliest },
          { title: 'latest', cell: row => row.latest },
          { title: 'removed', cell: row => row.removed },
        ],
        rows,
      ),
    )
    const count = formatCount(rows.reduce((sum, { removed }) => sum + removed, 0))
    out.note(
      options.execute
        ? `${count} offsets removed from ${topic}`
        : `${count} offsets of ${topic} would be removed: add --execute`,
    )
  })
}
