/** `millrace consume`: what to read is settled first, then one loop reads, writes out and, in a group, commits. */
import { Consumer } from '@millrace/client'
import type { ConsumeOptions } from './commands/consume.ts'
import { GroupCommits } from './consume/group-commits.ts'
import { planRanges } from './consume/ranges.ts'
import { readAll } from './consume/read-loop.ts'
import { RecordWriter } from './consume/record-writer.ts'
import { GroupEnd, RangesEnd } from './consume/stop.ts'
import { compilePattern, expectTopics, isPattern, selectTopics, withAdmin } from './shared/admin-session.ts'
import { usageError } from './shared/cli-error.ts'
import { parsePosition } from './shared/position.ts'
import type { Session } from './shared/session.ts'

const BATCH_RECORDS_MAX = 2000

export async function consume(session: Session, words: readonly string[], options: ConsumeOptions): Promise<void> {
  const writer = new RecordWriter(session.out, options)
  if (options.group === undefined) await consumeAlone(session, words, options, writer)
  else await consumeInGroup(session, words, { ...options, group: options.group }, writer)
  writer.summary()
}

async function consumeAlone(
  session: Session,
  words: readonly string[],
  options: ConsumeOptions,
  writer: RecordWriter,
): Promise<void> {
  const ranges = await withAdmin(session, admin => planRanges(admin, words, options, session))
  if (ranges.length === 0) return
  await using consumer = new Consumer({ ...session.client, ...readOptions(options) })
  consumer.assign(ranges)
  for (const range of ranges) consumer.seek(range, range.from)
  await readAll(consumer, { session, writer, count: options.count, stop: new RangesEnd(consumer, ranges) })
}

async function consumeInGroup(
  session: Session,
  words: readonly string[],
  options: ConsumeOptions & { readonly group: string },
  writer: RecordWriter,
): Promise<void> {
  checkGroupOptions(options)
  await withAdmin(session, admin => checkWords(admin, words, session))
  const consumer = new Consumer({
    ...session.client,
    ...readOptions(options),
    groupId: options.group,
    autoCommit: false,
    offsetReset: resetOf(options.offset),
  })
  const commits = new GroupCommits(consumer, options.commit)
  try {
    const names = words.filter(word => !isPattern(word))
    const listener = { onRevoked: () => commits.now(), onLost: () => commits.forget() }
    if (names.length === words.length) consumer.subscribe(names, listener)
    else consumer.subscribe(compilePattern(unanchored(words[0]!)), listener)
    const stop = new GroupEnd(consumer, options.exit)
    await readAll(consumer, { session, writer, count: options.count, stop, commits })
    await commits.now()
  } finally {
    await consumer.close({ timeoutMs: session.client.apiTimeoutMs })
  }
}

type AdminOf = Parameters<Parameters<typeof withAdmin>[1]>[0]

/** A name that does not exist is a mistake; a pattern may match tomorrow. */
async function checkWords(admin: AdminOf, words: readonly string[], session: Session): Promise<void> {
  const names = words.filter(word => !isPattern(word))
  if (names.length === words.length) await expectTopics(admin, names, session)
  else if (words.length > 1)
    throw usageError('a group takes either topics or one pattern', 'put the patterns into one: ^(a|b)')
  else
    await selectTopics(admin, words, session).catch(error =>
      session.out.warn(error instanceof Error ? error.message : String(error)),
    )
}

/** The client matches whole names; here a pattern says itself where it ends. */
const unanchored = (pattern: string): string => `(?:${pattern}).*`

function checkGroupOptions({ offset, until, partition }: ConsumeOptions): void {
  if (until !== undefined || partition !== undefined)
    throw usageError('--until and --partition exclude --group', 'a group decides who reads which partition')
  if (offset === undefined) return
  const { kind } = parsePosition(offset, Date.now())
  if (kind !== 'beginning' && kind !== 'end')
    throw usageError(
      'with --group, --offset says where to begin without a committed offset: beginning or end',
      "'millrace group reset' moves a group to any position",
    )
}

const resetOf = (offset: string | undefined): 'earliest' | 'latest' =>
  offset !== undefined && parsePosition(offset, Date.now()).kind === 'end' ? 'latest' : 'earliest'

const readOptions = ({ isolation, count }: ConsumeOptions) => ({
  isolation,
  allowAutoTopicCreation: false,
  batchRecordsMax: Math.min(BATCH_RECORDS_MAX, count ?? BATCH_RECORDS_MAX),
})
