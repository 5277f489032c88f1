/** What the commands about a cluster have in common: an admin for as long as they run, and names that are looked at before anything is done. */
import { Admin, KafkaError, type TopicDescription, type TopicPartition } from '@millrace/client'
import { CliError, usageError } from './cli-error.ts'
import { nearest } from './nearest.ts'
import type { Session } from './session.ts'

export async function withAdmin<T>(session: Session, work: (admin: Admin) => Promise<T>): Promise<T> {
  await using admin = new Admin(session.client)
  return await work(admin)
}

/** Throws one sentence with the nearest name for a topic that is not there. */
export async function expectTopics(
  admin: Admin,
  names: readonly string[],
  { signal }: Session,
): Promise<Map<string, TopicDescription>> {
  try {
    return await admin.topics.describe(names, { signal })
  } catch (error) {
    if (!(error instanceof KafkaError) || error.code !== 'UNKNOWN_TOPIC_OR_PARTITION') throw error
    throw await noSuchTopic(admin, error.topic ?? names.join(', '))
  }
}

export async function noSuchTopic(admin: Admin, name: string): Promise<CliError> {
  const topics = (await admin.topics.list({ includeInternal: true })).map(topic => topic.name)
  return noSuch('topic', name, topics)
}

export async function noSuchGroup(admin: Admin, name: string): Promise<CliError> {
  const groups = await admin.groups.list()
  // What is listed and still cannot be described is a group of a kind that this program does not know.
  const listed = groups.find(({ groupId }) => groupId === name)
  if (listed !== undefined)
    return new CliError(`group '${name}' is of the type '${listed.type}', which cannot be shown yet`)
  return noSuch(
    'group',
    name,
    groups.map(({ groupId }) => groupId),
  )
}

function noSuch(kind: 'topic' | 'group', name: string, names: readonly string[]): CliError {
  const near = nearest(name, names)
  const hint = near === undefined ? `'millrace ${kind} list' shows what there is` : `did you mean '${near}'?`
  return new CliError(`there is no ${kind} '${name}'`, { hint })
}

/** A word that begins with ^ is a pattern, for which no topic name can be mistaken. */
export const isPattern = (word: string): boolean => word.startsWith('^')

export function compilePattern(pattern: string): RegExp {
  try {
    return new RegExp(pattern)
  } catch (error) {
    throw usageError(`'${pattern}' is not a regular expression: ${error instanceof Error ? error.message : error}`)
  }
}

/** Topics by name or pattern, each once. Throws for a name that is not there and a pattern that nothing matches. */
export async function selectTopics(
  admin: Admin,
  words: readonly string[],
  session: Session,
): Promise<Map<string, TopicDescription>> {
  const names = new Set(words.filter(word => !isPattern(word)))
  for (const word of words.filter(isPattern)) {
    const pattern = compilePattern(word)
    const matching = (await admin.topics.list({ signal: session.signal })).filter(({ name }) => pattern.test(name))
    if (matching.length === 0)
      throw new CliError(`no topic matches ${word}`, { hint: "'millrace topic list' shows what there is" })
    for (const { name } of matching) names.add(name)
  }
  const found = await expectTopics(admin, [...names], session)
  return new Map([...found].sort(([a], [b]) => (a < b ? -1 : 1)))
}

/** `0`, `0,2`, `0-3`. */
export function parsePartitions(text: string): number[] {
  const partitions = text.split(',').flatMap(part => {
    const range = /^(\d{1,9})(?:-(\d{1,9}))?$/.exec(part.trim())
    const from = Number(range?.[1])
    const to = Number(range?.[2] ?? range?.[1])
    if (range === null || to < from || to - from > 100_000)
      throw usageError(`'${text}' does not name partitions`, 'write 0, or 0,2, or 0-3')
    return Array.from({ length: to - from + 1 }, (_, i) => from + i)
  })
  return [...new Set(partitions)]
}

/** All partitions of the topics, or the wanted ones, which must be there. */
export function partitionsOf(
  topics: ReadonlyMap<string, TopicDescription>,
  wanted?: readonly number[] | undefined,
): TopicPartition[] {
  return [...topics.values()].flatMap(({ name, partitions }) => {
    const missing = wanted?.find(number => number >= partitions.length)
    if (missing !== undefined)
      throw new CliError(`topic '${name}' has no partition ${missing}`, {
        hint: `its partitions are 0 to ${partitions.length - 1}`,
      })
    return (wanted ?? partitions.map(({ partition }) => partition)).map(partition => ({ topic: name, partition }))
  })
}

export const keyOf = ({ topic, partition }: TopicPartition): string => `${topic}-${partition}`
