// Tools about topics, configurations and records.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { call, claim, eventually, named, refused, says } from './tool.ts'

/** Runs with a JSON file, which some tools want. */
export async function withFile<T>(content: unknown, use: (path: string) => Promise<T>): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-tools-'))
  try {
    const path = join(folder, 'input.json')
    writeFileSync(path, JSON.stringify(content))
    return await use(path)
  } finally {
    rmSync(folder, { recursive: true })
  }
}

export async function createTopic(suffix: string, partitions: number): Promise<string> {
  const topic = named(suffix)
  await says('kafka-topics', ['--create', '--topic', topic, '--partitions', String(partitions)], [/Created topic/])
  return topic
}

/** Sends `count` lines of keys and values. */
export async function fill(topic: string, count: number): Promise<void> {
  const lines = Array.from({ length: count }, (_, i) => `k${i}:v${i}\n`).join('')
  const said = await says(
    'kafka-console-producer',
    ['--topic', topic, '--reader-property', 'parse.key=true', '--reader-property', 'key.separator=:'],
    [],
    lines,
  )
  claim(!/ERROR|Exception/.test(said.text), `console producer says ${said.text.slice(0, 300)}`)
}

export async function topics(): Promise<void> {
  const topic = named('topics')
  await says(
    'kafka-topics',
    ['--create', '--topic', topic, '--partitions', '2', '--config', 'retention.ms=100000000'],
    [new RegExp(`Created topic ${topic}\\.`)],
  )
  await says(
    'kafka-topics',
    ['--describe', '--topic', topic],
    [
      new RegExp(
        `Topic: ${topic}\\tTopicId: [\\w-]{22}\\tPartitionCount: 2\\tReplicationFactor: 1\\tConfigs: .*retention\\.ms=100000000`,
      ),
      /Partition: 0\tLeader: (\d+)\tReplicas: \1\tIsr: \1/,
      /Partition: 1\tLeader: (\d+)\tReplicas: \1\tIsr: \1/,
    ],
  )
  await refused('kafka-topics', ['--create', '--topic', topic], /TopicExistsException|already exists/)
  await refused('kafka-topics', ['--create', '--topic', 'no good'], /InvalidTopicException|is illegal/)
  await refused(
    'kafka-topics',
    ['--create', '--topic', named('three'), '--replication-factor', '3'],
    /InvalidReplicationFactorException|replication factor/i,
  )
  await refused('kafka-topics', ['--describe', '--topic', named('unknown')], /does not exist as expected/)
  await says('kafka-topics', ['--create', '--topic', topic, '--if-not-exists'], [])
  await says('kafka-topics', ['--alter', '--topic', topic, '--partitions', '3'], [])
  await eventually(() =>
    says('kafka-topics', ['--describe', '--topic', topic], [/PartitionCount: 3/, /Partition: 2\tLeader: \d+/]),
  )
  claim((await says('kafka-topics', ['--list'], [])).lines.includes(topic), 'the topic is not listed')
  await says('kafka-topics', ['--delete', '--topic', topic], [])
  await eventually(async () =>
    claim(!(await says('kafka-topics', ['--list'], [])).lines.includes(topic), 'a deleted topic is listed'),
  )
}

export async function configs(): Promise<void> {
  const topic = await createTopic('configs', 1)
  const entity = ['--entity-type', 'topics', '--entity-name', topic]
  await says(
    'kafka-configs',
    ['--alter', ...entity, '--add-config', 'max.message.bytes=5000,cleanup.policy=[delete,compact]'],
    [new RegExp(`Completed updating config for topic ${topic}\\.`)],
  )
  await eventually(() =>
    says(
      'kafka-configs',
      ['--describe', ...entity],
      [
        /cleanup\.policy=delete,compact sensitive=false synonyms=\{DYNAMIC_TOPIC_CONFIG:cleanup\.policy=delete,compact/,
        /max\.message\.bytes=5000 sensitive=false/,
      ],
    ),
  )
  await says('kafka-configs', ['--alter', ...entity, '--delete-config', 'cleanup.policy'], [/Completed updating/])
  await eventually(async () => {
    const all = await says(
      'kafka-configs',
      ['--describe', '--all', ...entity],
      [/ cleanup\.policy=delete /, / segment\.bytes=1073741824 /],
    )
    claim(all.lines.length > 25, `only ${all.lines.length} lines of configurations`)
  })
  await refused(
    'kafka-configs',
    ['--alter', ...entity, '--add-config', 'retention.ms=soon'],
    /InvalidConfigurationException|Invalid value soon/,
  )
  await refused(
    'kafka-configs',
    ['--alter', ...entity, '--add-config', 'no.such=1'],
    /InvalidConfigurationException|Unknown topic config/,
  )
  const described = await says('kafka-topics', ['--describe', '--topic', topic], [/Leader: \d+/])
  const id = /Leader: (\d+)/.exec(described.text)?.[1] ?? ''
  const broker = ['--entity-type', 'brokers', '--entity-name', id]
  await says(
    'kafka-configs',
    ['--alter', ...broker, '--add-config', 'log.retention.ms=500000000'],
    [/Completed updating config for broker/],
  )
  await eventually(() => says('kafka-configs', ['--describe', ...broker], [/log\.retention\.ms=500000000/]))
  await says('kafka-configs', ['--alter', ...broker, '--delete-config', 'log.retention.ms'], [/Completed updating/])
}

export async function consoles(): Promise<void> {
  const topic = await createTopic('console', 1)
  const codecs = ['none', 'gzip', 'snappy', 'lz4', 'zstd']
  const wanted: string[] = []
  for (const codec of codecs) {
    const lines = Array.from(
      { length: 50 },
      (_, i) => `from:${codec},n:${i}\tkey ${i}\tvällue ${codec} ${i} ${'x'.repeat(200)}`,
    )
    wanted.push(...lines)
    const said = await says(
      'kafka-console-producer',
      [
        '--topic',
        topic,
        `--compression-codec=${codec}`,
        '--reader-property',
        'parse.key=true',
        '--reader-property',
        'parse.headers=true',
      ],
      [],
      `${lines.join('\n')}\n`,
    )
    claim(!/ERROR|Exception/.test(said.text), `console producer with ${codec}: ${said.text.slice(0, 300)}`)
  }
  const print = ['--formatter-property', 'print.key=true', '--formatter-property', 'print.headers=true']
  const read = await says(
    'kafka-console-consumer',
    ['--topic', topic, '--from-beginning', '--max-messages', String(wanted.length), '--timeout-ms', '20000', ...print],
    [new RegExp(`Processed a total of ${wanted.length} messages`)],
  )
  const got = read.lines.filter(line => line.startsWith('from:'))
  claim(got.join('\n') === wanted.join('\n'), `read lines differ from sent ones: ${got.length} lines, first ${got[0]}`)
  const one = [
    '--formatter-property',
    'print.offset=true',
    '--formatter-property',
    'print.partition=true',
    '--formatter-property',
    'print.timestamp=true',
  ]
  await says(
    'kafka-console-consumer',
    ['--topic', topic, '--partition', '0', '--offset', '120', '--max-messages', '1', '--timeout-ms', '20000', ...one],
    [/CreateTime:\d{13}\tPartition:0\tOffset:120\tvällue snappy 20 /],
  )
}

export async function offsetsAndDeletion(): Promise<void> {
  const topic = await createTopic('offsets', 2)
  await fill(topic, 60)
  const latest = await says('kafka-get-offsets', ['--topic', topic], [])
  const ends = [0, 1].map(partition => Number(new RegExp(`^${topic}:${partition}:(\\d+)$`, 'm').exec(latest.text)?.[1]))
  claim(ends[0]! + ends[1]! === 60, `ends of ${topic} are ${ends}`)
  await says(
    'kafka-get-offsets',
    ['--topic', topic, '--time', '-2'],
    [new RegExp(`^${topic}:0:0$`, 'm'), new RegExp(`^${topic}:1:0$`, 'm')],
  )
  await says('kafka-get-offsets', ['--topic', topic, '--time', 'max-timestamp'], [new RegExp(`^${topic}:0:\\d+$`, 'm')])
  const deletion = {
    version: 1,
    partitions: [
      { topic, partition: 0, offset: 5 },
      { topic, partition: 1, offset: -1 },
    ],
  }
  await withFile(deletion, path =>
    says(
      'kafka-delete-records',
      ['--offset-json-file', path],
      [
        new RegExp(`partition: ${topic}-0\\tlow_watermark: 5`),
        new RegExp(`partition: ${topic}-1\\tlow_watermark: ${ends[1]}`),
      ],
    ),
  )
  await says(
    'kafka-get-offsets',
    ['--topic', topic, '--time', 'earliest'],
    [new RegExp(`^${topic}:0:5$`, 'm'), new RegExp(`^${topic}:1:${ends[1]}$`, 'm')],
  )
  const beyond = { version: 1, partitions: [{ topic, partition: 0, offset: 1_000 }] }
  await withFile(beyond, path =>
    refused('kafka-delete-records', ['--offset-json-file', path], /OffsetOutOfRange|outside the range/),
  )
}

export async function logDirs(): Promise<void> {
  const topic = await createTopic('log-dirs', 1)
  await fill(topic, 10)
  const said = await call('kafka-log-dirs', ['--describe', '--topic-list', topic])
  const json = said.lines.find(line => line.startsWith('{')) ?? '{}'
  const described = JSON.parse(json) as {
    brokers?: { logDirs: { error: unknown; partitions: { partition: string; size: number }[] }[] }[]
  }
  const partition = described.brokers?.[0]?.logDirs
    .flatMap(dir => dir.partitions)
    .find(one => one.partition === `${topic}-0`)
  claim((partition?.size ?? 0) > 0, `kafka-log-dirs says ${said.text.slice(0, 300)}`)
}
