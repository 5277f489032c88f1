/** `log` and `import`, on folders that a broker wrote. Folders that Apache Kafka itself wrote are the interop suite's. */
import assert from 'node:assert/strict'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { parsePartitionMetadata } from '@millrace/storage'
import {
  batchOf,
  framed,
  offsetKey,
  offsetValue,
  writeSegment,
} from '../../packages/cli/src/import/kafka-log-fixture.ts'
import { ConfigRecord, recordTypes, TopicRecord } from '../../packages/cli/src/import/metadata-records.ts'
import { startDiskBroker } from './disk-broker.ts'
import { millrace, millraceAt } from './millrace.ts'

const SEGMENT = '00000000000000000000.log'
let root: string
/** As Kafka would leave it: partitions, metadata log, offsets, a marker of a clean stop. */
let kafka: string

before(async () => {
  root = mkdtempSync(join(tmpdir(), 'millrace-cli-'))
  kafka = join(root, 'kafka')
  const { broker, port } = await startDiskBroker(kafka)
  const run = millraceAt(port)
  await run('topic create orders -p 2')
  await run(['produce', 'orders', '-p', '1', '-k', 'k', '-H', 'h=1', '-z', 'gzip', '-q'], { stdin: 'a\nb\nc\n' })
  await run('topic trim orders --before 1 --execute')
  await run('topic create leftover')
  await broker.stop()
  rmSync(join(kafka, 'catalog.sqlite'))
  writeMetadataLog()
  writeOffsets()
})
after(() => rmSync(root, { recursive: true, force: true }))

const topicIdOf = (folder: string): string => parsePartitionMetadata(readFileSync(join(folder, 'partition.metadata')))!

/** Knows of `orders` and one configuration, and no longer of `leftover`. */
function writeMetadataLog(): void {
  const topicId = topicIdOf(join(kafka, 'orders-0'))
  const config = { resourceType: 2, resourceName: 'orders', name: 'retention.ms', value: '-1' }
  writeSegment(join(kafka, '__cluster_metadata-0'), SEGMENT, [
    batchOf(0, [
      framed(recordTypes.topic, TopicRecord.encode({ name: 'orders', topicId }, 0)),
      framed(recordTypes.config, ConfigRecord.encode(config, 0)),
    ]),
  ])
}

/** Two commits of one group, the later one counts; one that was deleted; one for a topic that is gone. */
function writeOffsets(): void {
  writeSegment(join(kafka, '__consumer_offsets-7'), SEGMENT, [
    batchOf(0, [
      [offsetKey('readers', 'orders', 1), offsetValue(1)],
      [offsetKey('readers', 'orders', 1), offsetValue(2)],
      [offsetKey('readers', 'orders', 0), offsetValue(0)],
      [offsetKey('readers', 'orders', 0), null],
      [offsetKey('readers', 'gone', 0), offsetValue(5)],
    ]),
  ])
}

test('log shows the partitions of a data folder, the files of a partition, batches and records', async () => {
  const folder = await millrace(['log', kafka])
  assert.match(folder.stdout, /^TOPIC +PARTITION +SEGMENTS +SIZE +FIRST OFFSET +TOPIC ID\n/)
  assert.match(folder.stdout, /\norders +1 +1 +/)
  const partition = await millrace(['log', join(kafka, 'orders-1'), '-r'])
  assert.equal(partition.status, 0, partition.stderr)
  assert.match(partition.stdout, /\n0\.\.2 +0 +\d+ +3 {2}gzip/)
  assert.match(partition.stdout, /\n {4}1 {2}\S+ {2}"k" {2}"b" {2}h=1\n/)
  assert.match(partition.stdout, /\.timeindex \(/)
  const formatted = await millrace(['log', join(kafka, 'orders-1', SEGMENT), '-f', '%t/%p %o %k=%s\\n'])
  assert.equal(formatted.stdout, 'orders/1 0 k=a\norders/1 1 k=b\norders/1 2 k=c\n')
})

test('log reads checkpoints and writes JSON lines', async () => {
  const checkpoint = await millrace(['log', join(kafka, 'log-start-offset-checkpoint'), '-q'])
  assert.equal(checkpoint.stdout, 'PARTITION  OFFSET\norders-1        1\n')
  const json = await millrace(['log', join(kafka, 'orders-1', SEGMENT), '-r', '--output', 'json'])
  const lines = json.stdout
    .trim()
    .split('\n')
    .map(line => JSON.parse(line))
  assert.deepEqual(
    lines.map(line => line.kind ?? line.value),
    ['batch', 'a', 'b', 'c'],
  )
})

test('log says what does not fit, and ends with status 1', async () => {
  const damaged = join(root, 'orders-9')
  mkdirSync(damaged)
  const bytes = readFileSync(join(kafka, 'orders-1', SEGMENT))
  bytes[bytes.length - 1]! ^= 1
  writeFileSync(join(damaged, SEGMENT), bytes)
  const checksum = await millrace(['log', join(damaged, SEGMENT)])
  assert.equal(checksum.status, 1)
  assert.match(checksum.stderr, /the checksum of the batch at offset 0 does not fit/)
  truncateSync(join(damaged, SEGMENT), bytes.length - 1)
  assert.match((await millrace(['log', join(damaged, SEGMENT)])).stderr, /ends beyond the file, at position 0/)
  assert.match((await millrace(['log', join(root, 'nothing')])).stderr, /no such file or folder/)
  const unknown = join(root, 'notes.txt')
  writeFileSync(unknown, '')
  assert.match((await millrace(['log', unknown])).stderr, /none of the files that are understood/)
})

test('import brings topics in with ids, records, log starts, configurations and offsets', async () => {
  const target = join(root, 'target')
  const args = ['import', '--from', kafka, '--set', `log.dirs=${target}`]
  const dry = await millrace([...args, '--dry-run'])
  assert.match(dry.stderr, /folders of leftover are left out/)
  assert.match(dry.stderr, /1 topic, 1 offset of 1 group would be brought in/)
  assert.ok(!existsSync(target))
  const done = await millrace(args)
  assert.equal(done.status, 0, done.stderr)
  assert.match(done.stdout, /^TOPIC +PARTITIONS +SIZE +CONFIGURATIONS +ID\norders +2 +/)

  const { broker, port } = await startDiskBroker(target)
  const run = millraceAt(port)
  const held = await millrace(args)
  assert.equal(held.status, 1)
  assert.match(held.stderr, /in use by a running broker\nhint: stop it first/)
  assert.equal((await run(['consume', 'orders', '-e', '-f', '%p %o %k %s %h\\n'])).stdout, '1 1 k b h=1\n1 2 k c h=1\n')
  const [topic] = JSON.parse((await run('topic describe orders --output json')).stdout)
  assert.equal(topic.id, topicIdOf(join(kafka, 'orders-0')))
  assert.deepEqual(topic.configs, { 'retention.ms': '-1' })
  const [group] = JSON.parse((await run('group describe readers --output json')).stdout)
  assert.deepEqual(
    group.offsets.map(({ topic, partition, committed }: Record<string, unknown>) => [topic, partition, committed]),
    [['orders', 1, 2]],
  )
  // A new producer is not taken for one whose batches came along.
  assert.equal(
    (await run(['produce', 'orders', '-p', '1', '--report', '-q'], { stdin: 'd\n' })).stdout,
    'orders partition 1 offset 3\n',
  )
  await broker.stop()

  const again = await millrace(args)
  assert.equal(again.status, 1)
  assert.match(again.stderr, /error: topic 'orders' is there already\nhint: /)
})

test('import refuses folders that are in use, missing partitions, and what is no data folder', async () => {
  const target = join(root, 'refusing')
  const setting = `log.dirs=${target}`
  const empty = join(root, 'empty')
  mkdirSync(empty)
  assert.match(
    (await millrace(['import', '--from', empty, '--set', setting])).stderr,
    /holds no partitions\nhint: --from names/,
  )
  assert.match(
    (await millrace(['import', '--from', join(root, 'none'), '--set', setting])).stderr,
    /there is no folder/,
  )
  assert.equal((await millrace(['import', '--set', setting])).status, 2)
  assert.match(
    (await millrace(['import', '--from', kafka, '--set', setting, '-t', 'oders'])).stderr,
    /did you mean 'orders'/,
  )
  const partial = join(root, 'partial')
  mkdirSync(join(partial, 'lonely-2'), { recursive: true })
  writeFileSync(join(partial, 'lonely-2', SEGMENT), '')
  const refused = await millrace(['import', '--from', partial, '--set', setting])
  assert.match(refused.stderr, /has 3 partitions, and 0, 1 are in none of the folders\nhint: /)
  const allowed = await millrace(['import', '--from', partial, '--set', setting, '--allow-missing', '--move'])
  assert.equal(allowed.status, 0, allowed.stderr)
  assert.ok(!existsSync(join(partial, 'lonely-2')))
  assert.ok(existsSync(join(target, 'lonely-2', SEGMENT)))
  assert.match(
    (await millrace(['import', '--from', kafka, '--set', 'log.dir=x', '--set', 'nonsense=1'])).stderr,
    /nonsense/,
  )
})
