/** `millrace offsets`: begin, end, and what lies between. */
import type { OffsetsOptions } from './commands/offsets.ts'
import { keyOf, parsePartitions, partitionsOf, selectTopics, withAdmin } from './shared/admin-session.ts'
import { usageError } from './shared/cli-error.ts'
import { parsePosition, positionText } from './shared/position.ts'
import { offsetRanges, resolvePosition } from './shared/resolve-position.ts'
import type { Session } from './shared/session.ts'
import type { Column } from './shared/table.ts'

interface Row {
  readonly topic: string
  readonly partition: number
  readonly earliest: number
  readonly latest: number
  readonly count: number
  readonly at?: number
}

export function offsets(session: Session, words: readonly string[], options: OffsetsOptions): Promise<void> {
  const place = options.at === undefined ? undefined : parsePosition(options.at, Date.now())
  if (place?.kind === 'stored') throw usageError(`--at ${options.at} needs a group`, "see 'millrace group describe'")
  const wanted = options.partition === undefined ? undefined : parsePartitions(options.partition)
  return withAdmin(session, async admin => {
    const { out, signal } = session
    const partitions = partitionsOf(await selectTopics(admin, words, session), wanted)
    const ranges = await offsetRanges(admin, partitions, { signal })
    const found = place === undefined ? undefined : await resolvePosition(admin, ranges, partitions, place)
    const rows = partitions.map((p): Row => {
      const { earliest, latest } = ranges.get(keyOf(p))!
      return { ...p, earliest, latest, count: latest - earliest, ...(found && { at: found.get(keyOf(p))! }) }
    })
    const columns: Column<Row>[] = [
      { title: 'topic', cell: row => row.topic },
      { title: 'partition', cell: row => row.partition },
      { title: 'earliest', cell: row => row.earliest },
      { title: 'latest', cell: row => row.latest },
      { title: 'count', cell: row => row.count },
    ]
    if (place !== undefined) columns.push({ title: `at ${positionText(place)}`, cell: row => row.at })
    out.result(rows, () => out.table(columns, rows))
  })
}
