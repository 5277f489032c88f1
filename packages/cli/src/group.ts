/** `millrace group`: lists, descriptions and deletion. Moving offsets is in group-reset.ts. */
import { type Admin, type GroupDescription, KafkaError, type PartitionOffset } from '@millrace/client'
import { compilePattern, keyOf, noSuchGroup, withAdmin } from './shared/admin-session.ts'
import type { Output } from './shared/output.ts'
import type { Session } from './shared/session.ts'
import { formatCount } from './shared/units.ts'

export function listGroups(
  session: Session,
  pattern: string | undefined,
  { state }: { readonly state: readonly string[] },
): Promise<void> {
  const matches = pattern === undefined ? undefined : compilePattern(pattern)
  return withAdmin(session, async admin => {
    const { out, signal } = session
    const rows = (await admin.groups.list({ states: state, signal })).filter(
      ({ groupId }) => matches?.test(groupId) ?? true,
    )
    out.result(rows, () =>
      out.table(
        [
          { title: 'group', cell: row => row.groupId },
          { title: 'state', cell: row => row.state },
          { title: 'type', cell: row => row.type },
          { title: 'protocol', cell: row => row.protocolType },
        ],
        rows,
      ),
    )
  })
}

export function describeGroups(
  session: Session,
  groupIds: readonly string[],
  { members }: { readonly members: boolean },
): Promise<void> {
  return withAdmin(session, async admin => {
    const { out } = session
    const documents = []
    for (const groupId of groupIds) documents.push(await describeGroup(admin, groupId, session))
    if (out.form === 'json') return out.json(documents)
    documents.forEach((document, i) => {
      if (i > 0) out.print('\n')
      showSummary(document, out)
      out.print('\n')
      if (members) showMembers(document, out)
      else showOffsets(document, out)
    })
  })
}

type GroupDocument = Awaited<ReturnType<typeof describeGroup>>

async function describeGroup(admin: Admin, groupId: string, session: Session) {
  const { signal } = session
  const group = await expectGroup(admin, groupId, signal)
  const offsets = await admin.groups.offsets(groupId, undefined, { signal })
  const rows = await offsetRows(admin, group, offsets, signal)
  return {
    group: groupId,
    state: group.state,
    type: group.protocolType,
    assignor: group.protocol,
    coordinator: group.coordinatorId,
    lag: rows.reduce((sum, { lag }) => sum + (lag ?? 0), 0),
    members: group.members.map(({ memberId, groupInstanceId, clientId, clientHost, topics, assigned }) => ({
      memberId,
      groupInstanceId,
      clientId,
      clientHost,
      topics,
      assigned,
    })),
    offsets: rows,
  }
}

export async function expectGroup(admin: Admin, groupId: string, signal: AbortSignal): Promise<GroupDescription> {
  try {
    return (await admin.groups.describe([groupId], { signal })).get(groupId)!
  } catch (error) {
    if (error instanceof KafkaError && error.code === 'GROUP_ID_NOT_FOUND') throw await noSuchGroup(admin, groupId)
    throw error
  }
}

/** One row for each partition that has an offset or a reader. Ends of topics that are gone are not known. */
async function offsetRows(
  admin: Admin,
  group: GroupDescription,
  offsets: ReadonlyMap<string, PartitionOffset>,
  signal: AbortSignal,
) {
  const readers = new Map(
    group.members.flatMap(member => member.assigned.map(p => [keyOf(p), { member, ...p }] as const)),
  )
  const partitions = new Map([...readers, ...offsets].map(([key, { topic, partition }]) => [key, { topic, partition }]))
  const topics = new Set((await admin.topics.list({ includeInternal: true, signal })).map(({ name }) => name))
  const there = [...partitions.values()].filter(({ topic }) => topics.has(topic))
  const ends = await admin.offsets.list(
    there.map(p => ({ ...p, at: 'latest' as const })),
    { signal },
  )
  return [...partitions]
    .map(([key, { topic, partition }]) => {
      const committed = offsets.get(key)
      const end = ends.get(key)?.offset ?? null
      const member = readers.get(key)?.member
      return {
        topic,
        partition,
        committed: committed?.offset ?? null,
        end,
        lag: end === null || committed === undefined ? null : Math.max(0, end - committed.offset),
        metadata: committed?.metadata ?? '',
        memberId: member?.memberId ?? null,
        clientId: member?.clientId ?? null,
        clientHost: member?.clientHost ?? null,
      }
    })
    .sort((a, b) => (a.topic === b.topic ? a.partition - b.partition : a.topic < b.topic ? -1 : 1))
}

const showSummary = ({ group, state, assignor, coordinator, members, lag }: GroupDocument, out: Output): void =>
  out.fields([
    ['group', group],
    ['state', state],
    ['assignor', assignor],
    ['coordinator', coordinator],
    ['members', members.length],
    ['lag', formatCount(lag)],
  ])

const showOffsets = ({ offsets }: GroupDocument, out: Output): void =>
  out.table(
    [
      { title: 'topic', cell: row => row.topic },
      { title: 'partition', cell: row => row.partition },
      { title: 'committed', cell: row => row.committed },
      { title: 'end', cell: row => row.end },
      { title: 'lag', cell: row => row.lag },
      { title: 'client', cell: row => row.clientId },
      { title: 'host', cell: row => row.clientHost },
      { title: 'member', cell: row => row.memberId },
    ],
    offsets,
  )

const showMembers = ({ members }: GroupDocument, out: Output): void =>
  out.table(
    [
      { title: 'member', cell: row => row.memberId },
      { title: 'instance', cell: row => row.groupInstanceId },
      { title: 'client', cell: row => row.clientId },
      { title: 'host', cell: row => row.clientHost },
      { title: 'reads', cell: row => assignmentText(row.assigned) },
    ],
    members,
  )

function assignmentText(assigned: readonly { readonly topic: string; readonly partition: number }[]): string {
  const topics = Map.groupBy(assigned, ({ topic }) => topic)
  return [...topics]
    .map(
      ([topic, own]) =>
        `${topic}:${own
          .map(({ partition }) => partition)
          .sort((a, b) => a - b)
          .join(',')}`,
    )
    .join(' ')
}

export function deleteGroups(session: Session, groupIds: readonly string[]): Promise<void> {
  return withAdmin(session, async admin => {
    const { out, signal } = session
    for (const groupId of groupIds) await expectGroup(admin, groupId, signal)
    await admin.groups.delete(groupIds, { signal })
    out.note(`deleted ${groupIds.join(', ')}`)
  })
}
