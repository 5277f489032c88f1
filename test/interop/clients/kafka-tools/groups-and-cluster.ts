// Tools about groups, the cluster, and load.

import { bootstrap, call, claim, eventually, named, refused, says } from './tool.ts'
import { createTopic, fill, withFile } from './topics-and-records.ts'

export async function consumerGroups(): Promise<void> {
  const topic = await createTopic('groups', 1)
  const group = named('group')
  const of = ['--group', group]
  await fill(topic, 40)
  await says(
    'kafka-console-consumer',
    ['--topic', topic, ...of, '--from-beginning', '--max-messages', '40', '--timeout-ms', '20000'],
    [/total of 40 messages/],
  )
  await fill(topic, 10)
  claim((await says('kafka-consumer-groups', ['--list'], [])).lines.includes(group), 'the group is not listed')
  await says('kafka-groups', ['--list'], [new RegExp(`^${group} +Classic +consumer`, 'm')])
  await says(
    'kafka-consumer-groups',
    ['--describe', ...of],
    [/has no active members/, new RegExp(`${group} +${topic} +0 +40 +50 +10 `)],
  )
  await says(
    'kafka-consumer-groups',
    ['--describe', '--state', ...of],
    [new RegExp(`${group} +\\S+ +\\(\\d+\\) +- +Empty +0`)],
  )
  const to = (...how: string[]) => ['--reset-offsets', ...of, '--topic', topic, ...how]
  await says('kafka-consumer-groups', to('--to-earliest', '--dry-run'), [new RegExp(`${group} +${topic} +0 +0`)])
  await says('kafka-consumer-groups', to('--shift-by', '-15', '--execute'), [new RegExp(`${group} +${topic} +0 +25`)])
  await says('kafka-consumer-groups', to('--to-datetime', '2001-01-01T00:00:00.000', '--execute'), [
    new RegExp(`${group} +${topic} +0 +0`),
  ])
  await says('kafka-consumer-groups', to('--to-offset', '30', '--execute'), [new RegExp(`${group} +${topic} +0 +30`)])
  await member(topic, group)
  await says('kafka-consumer-groups', ['--delete-offsets', ...of, '--topic', topic], [/Request succeed|Successful/i])
  await says('kafka-consumer-groups', ['--delete', ...of], [/Deletion of requested consumer groups .* was successful/])
  claim(!(await says('kafka-consumer-groups', ['--list'], [])).lines.includes(group), 'a deleted group is listed')
  await refused('kafka-consumer-groups', ['--delete', ...of], /GroupIdNotFoundException|not found|does not exist/i)
}

/** A group with a member at work: it is described whole, and can be neither reset nor deleted. */
async function member(topic: string, group: string): Promise<void> {
  const of = ['--group', group]
  const reading = call('kafka-console-consumer', ['--topic', topic, ...of, '--timeout-ms', '9000'])
  try {
    await eventually(() =>
      says(
        'kafka-consumer-groups',
        ['--describe', ...of],
        [
          new RegExp(
            `${group} +${topic} +0 +\\d+ +50 +\\d+ +console-consumer-\\S+ +/127\\.0\\.0\\.1 +console-consumer`,
          ),
        ],
      ),
    )
    await says(
      'kafka-consumer-groups',
      ['--describe', '--members', '--verbose', ...of],
      [/console-consumer-\S+ +\/127\.0\.0\.1 +console-consumer +1 .*:?0/],
    )
    await refused('kafka-consumer-groups', ['--delete', ...of], /GroupNotEmptyException|not empty/)
  } finally {
    const read = await reading
    claim(/total of 20 messages/.test(read.text), `the member did not go on at offset 30: ${read.text.slice(-200)}`)
  }
}

export async function cluster(): Promise<void> {
  await says('kafka-cluster', ['cluster-id', '--bootstrap-server', bootstrap], [/Cluster ID: \S{22}/])
  await says(
    'kafka-cluster',
    ['list-endpoints', '--bootstrap-server', bootstrap],
    [/^\d+ +(localhost|127\.0\.0\.1) +\d+/m],
  )
  const said = await says(
    'kafka-broker-api-versions',
    [],
    [/\(id: \d+ rack: .*\) -> \(/, /Produce\(0\): 0 to 13 \[usable: 13\]/, /Fetch\(1\): 4 to 1\d \[usable: 1\d\]/],
  )
  claim(said.lines.filter(line => /\[usable: \d+\]/.test(line)).length > 30, 'few APIs are usable')
}

export async function replicas(): Promise<void> {
  const topic = await createTopic('replicas', 1)
  const partition = ['--topic', topic, '--partition', '0']
  await says(
    'kafka-leader-election',
    ['--election-type', 'preferred', ...partition],
    [new RegExp(`Valid replica already elected for partitions ${topic}-0`)],
  )
  await says('kafka-reassign-partitions', ['--list'], [/No partition reassignments found\./])
  const described = await says('kafka-topics', ['--describe', '--topic', topic], [/Leader: \d+/])
  const id = Number(/Leader: (\d+)/.exec(described.text)?.[1])
  await withFile({ version: 1, topics: [{ topic }] }, path =>
    says(
      'kafka-reassign-partitions',
      ['--generate', '--topics-to-move-json-file', path, '--broker-list', String(id)],
      [
        new RegExp(
          `Proposed partition reassignment configuration\\s+.*"topic":"${topic}","partition":0,"replicas":\\[${id}\\]`,
        ),
      ],
    ),
  )
  const plan = { version: 1, partitions: [{ topic, partition: 0, replicas: [id], log_dirs: ['any'] }] }
  await withFile(plan, async path => {
    await says(
      'kafka-reassign-partitions',
      ['--execute', '--reassignment-json-file', path],
      [new RegExp(`Successfully started partition reassignment for ${topic}-0`)],
    )
    await says(
      'kafka-reassign-partitions',
      ['--verify', '--reassignment-json-file', path],
      [new RegExp(`Reassignment of partition ${topic}-0 is completed\\.`)],
    )
  })
}

export async function perfTests(): Promise<void> {
  const topic = await createTopic('perf', 2)
  await says(
    'kafka-producer-perf-test',
    [
      '--topic',
      topic,
      '--num-records',
      '20000',
      '--record-size',
      '200',
      '--throughput',
      '-1',
      '--command-property',
      'compression.type=lz4',
    ],
    [/20000 records sent, [\d.,]+ records\/sec/],
  )
  await says(
    'kafka-consumer-perf-test',
    ['--topic', topic, '--num-records', '20000', '--group', named('perf')],
    [/, 20000, /],
  )
  await says(
    'kafka-e2e-latency',
    ['--topic', topic, '--num-records', '100', '--producer-acks', 'all', '--record-size', '100'],
    [/Avg latency: [\d.]+ ms/, /99\.9th = \d+/],
  )
}

export async function verifiable(): Promise<void> {
  const topic = await createTopic('verifiable', 2)
  const group = named('verifiable')
  await says('kafka-verifiable-producer', ['--topic', topic, '--max-messages', '500'], [/"sent":500,"acked":500/])
  const said = await says(
    'kafka-verifiable-consumer',
    ['--topic', topic, '--group-id', group, '--max-messages', '500', '--reset-policy', 'earliest'],
    [
      /"name":"partitions_assigned","partitions":\[\{[^\]]*"partition":0\},\{[^\]]*"partition":1\}\]/,
      /"name":"offsets_committed".*"success":true/,
      /"name":"shutdown_complete"/,
    ],
  )
  const counts = [...said.text.matchAll(/"name":"records_consumed","count":(\d+)/g)].map(match => Number(match[1]))
  claim(counts.reduce((sum, count) => sum + count, 0) === 500, `records consumed: ${counts}`)
  await says(
    'kafka-streams-application-reset',
    ['--application-id', group, '--input-topics', topic, '--force'],
    [new RegExp(`Topic: ${topic} Partition: 0 Offset: 0`), /Deleting inferred internal topics \[\]/],
  )
}
