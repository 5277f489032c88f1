// Transactions as an operator meets them: copiers that abort at random, listings, one that hangs and is ended by hand, and the protocol's level.

import { kafkaScript } from '../../broker.ts'
import { run } from '../../process.ts'
import { bootstrap, claim, eventually, named, refused, says, toolEnv } from '../kafka-tools/tool.ts'
import { createTopic, fill } from '../kafka-tools/topics-and-records.ts'

const RECORDS = 200

/** TransactionalMessageCopier, once on its own and once in a group: each record arrives once, whatever is aborted. */
export async function copiers(): Promise<void> {
  const from = await createTopic('copier-from', 1)
  const [plain, to] = [await createTopic('copier-plain', 1), await createTopic('copier-to', 1)]
  await fill(from, RECORDS)
  await Promise.all([copy(from, plain, []), copy(from, to, ['--group-mode', '--use-group-metadata'])])
  await copied(plain)
  await copied(to)
  const id = `${named('copier')}-${to}`
  await says('kafka-transactions', ['list'], [new RegExp(`^${id} +\\t\\d+ +\\t\\d+ +\\tCompleteCommit`, 'm')])
  await says(
    'kafka-transactions',
    ['describe', '--transactional-id', id],
    [new RegExp(`${id}\\s+\\d+\\s+\\d+\\s+Complete`)],
  )
}

async function copied(to: string): Promise<void> {
  const read = await says(
    'kafka-console-consumer',
    ['--topic', to, '--from-beginning', '--isolation-level', 'read_committed', '--timeout-ms', '5000'],
    [new RegExp(`total of ${RECORDS} messages`)],
  )
  claim(new Set(read.lines).size === RECORDS, `a record was copied twice to ${to}`)
}

function copy(from: string, to: string, more: readonly string[]): Promise<unknown> {
  const [id, group] = [`${named('copier')}-${to}`, `${named('copier-group')}-${to}`]
  const topics = ['--input-topic', from, '--input-partition', '0', '--output-topic', to, '--broker-list', bootstrap]
  const how = [
    '--transaction-size',
    '20',
    '--enable-random-aborts',
    '--transactional-id',
    id,
    '--consumer-group',
    group,
  ]
  const args = ['org.apache.kafka.tools.TransactionalMessageCopier', ...topics, ...how, ...more]
  return says('class', [...args], [new RegExp(`"consumed":${RECORDS}|"totalProcessed":${RECORDS}`)])
}

/** A producer dies and leaves its transaction open: it is found, ended in its partition, and then for good. */
export async function hanging(): Promise<void> {
  const topic = await createTopic('hanging', 1)
  const id = named('hanging')
  const load = [
    '--num-records',
    '100000',
    '--record-size',
    '10',
    '--throughput',
    '50',
    '--transaction-duration-ms',
    '600000',
  ]
  const args = [
    'kafka-producer-perf-test',
    '--bootstrap-server',
    bootstrap,
    '--topic',
    topic,
    '--transactional-id',
    id,
    ...load,
  ]
  const dying = run(kafkaScript, args, { limitMs: 15_000, env: toolEnv })
  const of = ['--topic', topic, '--partition', '0']
  await eventually(() =>
    says('kafka-transactions', ['describe-producers', ...of], [/^\d+\s+\d+\s+-1\s+\d+\s+\d+\s+0\s*$/m]),
  )
  await says(
    'kafka-transactions',
    ['describe', '--transactional-id', id],
    [new RegExp(`${id}\\s+\\d+\\s+\\d+\\s+Ongoing.*${topic}-0`)],
  )
  claim((await dying).timedOut, 'the producer ended by itself')
  await says('kafka-get-offsets', ['--topic', topic], [new RegExp(`${topic}:0:[1-9]`)])
  await says('kafka-transactions', ['abort', ...of, '--start-offset', '0'], [])
  await says('kafka-transactions', ['describe-producers', ...of], [/^\d+\s+\d+\s+0\s+\d+\s+\d+\s+None\s*$/m])
  await says('kafka-transactions', ['forceTerminateTransaction', '--transactionalId', id], [])
  await eventually(() => says('kafka-transactions', ['describe', '--transactional-id', id], [/Empty|CompleteAbort/]))
  await refused('kafka-transactions', ['describe', '--transactional-id', named('nobody')], /could not be found/)
}

/** The level is lowered and raised again while nobody is at work. */
export async function features(): Promise<void> {
  const level = (wanted: number) =>
    eventually(() =>
      says('kafka-features', ['describe'], [new RegExp(`transaction\\.version.*FinalizedVersionLevel: ${wanted}\\s`)]),
    )
  await level(2)
  await refused('kafka-features', ['upgrade', '--feature', 'transaction.version=3'], /only supports versions 0-2/)
  await refused('kafka-features', ['upgrade', '--feature', 'transaction.version=1'], /Can't downgrade/)
  await says('kafka-features', ['downgrade', '--feature', 'transaction.version=0'], [/was downgraded to 0/])
  await level(0)
  await classicCopy()
  await says('kafka-features', ['upgrade', '--feature', 'transaction.version=2'], [/was upgraded to 2/])
  await level(2)
}

async function classicCopy(): Promise<void> {
  const from = await createTopic('classic-from', 1)
  const to = await createTopic('classic-to', 1)
  await fill(from, RECORDS)
  await copy(from, to, ['--use-group-metadata'])
}
