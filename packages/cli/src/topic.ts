/** `millrace topic`: the work behind its commands. */
import { type Admin, type ConfigEntry, KafkaError, type TopicDescription } from '@millrace/client'
import type { AlterOptions, CreateOptions } from './commands/topic.ts'
import {
  compilePattern,
  expectTopics,
  isPattern,
  keyOf,
  partitionsOf,
  selectTopics,
  withAdmin,
} from './shared/admin-session.ts'
import { parseAssignments } from './shared/assignments.ts'
import { usageError } from './shared/cli-error.ts'
import type { Output } from './shared/output.ts'
import { type OffsetRange, offsetRanges } from './shared/resolve-position.ts'
import type { Session } from './shared/session.ts'
import { formatCount, plural } from './shared/units.ts'

export function listTopics(
  session: Session,
  pattern: string | undefined,
  { internal }: { readonly internal: boolean },
): Promise<void> {
  const matches = pattern === undefined ? undefined : compilePattern(pattern)
  return withAdmin(session, async admin => {
    const { out, signal } = session
    const topics = await admin.topics.list({ includeInternal: internal, signal })
    const rows = topics.filter(({ name }) => matches?.test(name) ?? true)
    out.result(rows, () =>
      out.table(
        [
          { title: 'topic', cell: row => row.name },
          { title: 'partitions', cell: row => row.partitionCount },
        ],
        rows,
      ),
    )
  })
}

export function createTopics(session: Session, names: readonly string[], options: CreateOptions): Promise<void> {
  const configs = parseAssignments(options.config)
  return withAdmin(session, async admin => {
    const { out, signal } = session
    const wanted = options.ifNotExists ? await missing(admin, names, session) : [...new Set(names)]
    const topics = wanted.map(name => ({
      name,
      partitions: options.partitions,
      replicationFactor: options.replicas,
      configs,
    }))
    const created = await admin.topics.create(topics, { validateOnly: options.dryRun, signal })
    const rows = [...created.values()].map(({ name, id, partitions, replicationFactor }) => ({
      name,
      id,
      partitions,
      replicationFactor,
    }))
    if (out.form === 'json') out.json(rows)
    for (const { name, partitions } of rows)
      out.note(`${options.dryRun ? 'could create' : 'created'} ${name} with ${plural(partitions, 'partition')}`)
    for (const name of names) if (!created.has(name)) out.note(`${name} is there already`)
  })
}

async function missing(admin: Admin, names: readonly string[], { signal }: Session): Promise<string[]> {
  const there = new Set((await admin.topics.list({ includeInternal: true, signal })).map(({ name }) => name))
  return [...new Set(names)].filter(name => !there.has(name))
}

export function describe(session: Session, words: readonly string[]): Promise<void> {
  return withAdmin(session, async admin => {
    const { out, signal } = session
    const topics = await selectTopics(admin, words, session)
    const ranges = await offsetRanges(admin, partitionsOf(topics), { signal })
    const resources = [...topics.keys()].map(name => ({ type: 'topic' as const, name }))
    const configs = await configsOrNone(admin, resources, signal)
    const documents = [...topics.values()].map(topic => {
      const set = configs.get(`topic:${topic.name}`)?.filter(({ source }) => source === 'dynamic-topic') ?? []
      return documentOf(topic, ranges, set)
    })
    if (out.form === 'json') out.json(documents)
    else for (const [i, document] of documents.entries()) showTopic(document, out, i > 0)
  })
}

/** A broker that does not describe configurations still has topics to show. */
async function configsOrNone(
  admin: Admin,
  resources: readonly { readonly type: 'topic'; readonly name: string }[],
  signal: AbortSignal,
): Promise<ReadonlyMap<string, readonly ConfigEntry[]>> {
  try {
    return await admin.configs.describe(resources, { signal })
  } catch (error) {
    if (error instanceof KafkaError && error.code === 'UNSUPPORTED_VERSION') return new Map()
    throw error
  }
}

type TopicDocument = ReturnType<typeof documentOf>

const documentOf = (
  topic: TopicDescription,
  ranges: ReadonlyMap<string, OffsetRange>,
  configs: readonly ConfigEntry[],
) => ({
  name: topic.name,
  id: topic.id ?? null,
  isInternal: topic.isInternal,
  configs: Object.fromEntries(configs.map(({ name, value }) => [name, value])),
  partitions: topic.partitions.map(p => ({
    partition: p.partition,
    leader: p.leaderId,
    leaderEpoch: p.leaderEpoch,
    replicas: p.replicas,
    inSyncReplicas: p.inSyncReplicas,
    ...ranges.get(keyOf({ topic: topic.name, partition: p.partition })),
  })),
})

function showTopic({ name, id, configs, partitions }: TopicDocument, out: Output, isLater: boolean): void {
  const records = partitions.reduce((sum, { earliest = 0, latest = 0 }) => sum + latest - earliest, 0)
  const set = Object.entries(configs).map(([config, value]) => `${config}=${value}`)
  if (isLater) out.print('\n')
  out.fields([
    ['topic', name],
    ['id', id],
    ['partitions', partitions.length],
    ['offsets held', formatCount(records)],
    ['configuration', set.length === 0 ? 'all defaults' : set.join(', ')],
  ])
  out.print('\n')
  out.table(
    [
      { title: 'partition', cell: row => row.partition },
      { title: 'leader', cell: row => row.leader },
      { title: 'epoch', cell: row => row.leaderEpoch },
      { title: 'replicas', cell: row => row.replicas.join(',') },
      { title: 'in sync', cell: row => row.inSyncReplicas.join(',') },
      { title: 'earliest', cell: row => row.earliest },
      { title: 'latest', cell: row => row.latest },
    ],
    partitions,
  )
}

export function alterTopic(session: Session, topic: string, options: AlterOptions): Promise<void> {
  const { partitions, dryRun: validateOnly } = options
  const changes = [
    ...Object.entries(parseAssignments(options.config)).map(([name, value]) => ({ name, value })),
    ...options.unset.map(name => ({ name, operation: 'delete' as const })),
  ]
  if (partitions === undefined && changes.length === 0)
    throw usageError('there is nothing to change', 'give --partitions, --config or --unset')
  return withAdmin(session, async admin => {
    const { out, signal } = session
    await expectTopics(admin, [topic], session)
    if (changes.length > 0)
      await admin.configs.alter([{ type: 'topic', name: topic, configs: changes }], { validateOnly, signal })
    if (partitions !== undefined)
      await admin.topics.createPartitions([{ topic, count: partitions }], { validateOnly, signal })
    out.note(validateOnly ? `${topic} could be changed so` : `changed ${topic}`)
  })
}

export function deleteTopics(
  session: Session,
  words: readonly string[],
  { yes }: { readonly yes: boolean },
): Promise<void> {
  return withAdmin(session, async admin => {
    const { out, signal } = session
    const names = [...(await selectTopics(admin, words, session)).keys()]
    if (words.some(isPattern) && !yes) {
      for (const name of names) out.print(`${name}\n`)
      out.note(`these ${plural(names.length, 'topic')} would be deleted: add --yes`)
      return
    }
    await admin.topics.delete(names, { signal })
    out.note(`deleted ${names.join(', ')}`)
  })
}
