import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { startTestBroker, type TestBroker } from '@millrace/testkit'
import { endOf, millraceAt, startMillrace, untilSaid } from './millrace.ts'

let broker: TestBroker
let run: ReturnType<typeof millraceAt>

before(async () => {
  broker = await startTestBroker({ settings: { 'group.initial.rebalance.delay.ms': '0' } })
  run = millraceAt(broker.port)
})
after(() => broker.stop())

/** What stdout says as JSON. */
async function json(args: string) {
  const { status, stdout, stderr } = await run(`${args} --output json`)
  assert.equal(status, 0, stderr)
  return JSON.parse(stdout)
}

const said = (stderr: string) => ({ status: 0, stdout: '', stderr })

test('a topic is created, listed, described, altered and deleted', async () => {
  assert.deepEqual(
    await run('topic create orders -p 2 -c retention.ms=86400000'),
    said('created orders with 2 partitions\n'),
  )
  assert.match((await run('topic list')).stdout, /^TOPIC +PARTITIONS\norders +2\n$/)
  const described = await run('topic describe orders')
  assert.match(described.stdout, /configuration {2}retention\.ms=86400000\n\nPARTITION {2}LEADER {2}EPOCH/)
  assert.match(described.stdout, /\n +0 +1 +0 +1 +1 +0 +0\n +1 +1 +0 +1 +1 +0 +0\n$/)
  assert.deepEqual(
    await run('topic alter orders -p 3 --unset retention.ms -c segment.bytes=2097152'),
    said('changed orders\n'),
  )
  const [topic] = await json('topic describe orders')
  assert.equal(topic.partitions.length, 3)
  assert.deepEqual(topic.configs, { 'segment.bytes': '2097152' })
  assert.deepEqual(await run('topic delete orders'), said('deleted orders\n'))
  assert.deepEqual(await json('topic list'), [])
})

test('creating says what is there already, what could be done, and why not', async () => {
  await run('topic create twice')
  const again = await run('topic create twice')
  assert.equal(again.status, 1)
  assert.match(again.stderr, /^error: .*'twice'.*already exists/)
  assert.deepEqual(await run('topic create twice --if-not-exists'), said('twice is there already\n'))
  assert.deepEqual(await run('topic create dry --dry-run'), said('could create dry with 1 partition\n'))
  assert.equal((await run('topic list ^dry$ --output json')).stdout, '[]\n')
  assert.match((await run('topic create bad -c retention=1')).stderr, /retention/)
  assert.equal((await run('topic create bad -c retention')).status, 2)
  assert.equal((await run('topic alter twice')).status, 2)
  assert.match((await run('topic describe twise')).stderr, /no topic 'twise'\nhint: did you mean 'twice'/)
})

test('a pattern deletes nothing without --yes', async () => {
  await run('topic create tmp-1 tmp-2')
  const shown = await run('topic delete ^tmp-')
  assert.deepEqual(shown, {
    status: 0,
    stdout: 'tmp-1\ntmp-2\n',
    stderr: 'these 2 topics would be deleted: add --yes\n',
  })
  assert.equal((await run('topic delete ^tmp- --yes -q')).status, 0)
  assert.equal((await run('topic list ^tmp- --output json')).stdout, '[]\n')
})

test('offsets tell begin, end and what is at a time; trim moves the begin', async () => {
  await run('topic create trimmed')
  await run(['produce', 'trimmed', '-q', '-T', '2026-11-24T01:00:00Z'], { stdin: 'a\nb\nc\n' })
  await run(['produce', 'trimmed', '-q', '-T', '2026-11-24T02:00:00Z'], { stdin: 'd\n' })
  const asked = await run('offsets trimmed --at @2026-11-24T01:30:00Z')
  assert.match(
    asked.stdout,
    /^TOPIC +PARTITION +EARLIEST +LATEST +COUNT +AT @2026-11-24T01:30:00.000Z\ntrimmed +0 +0 +4 +4 +3\n$/,
  )
  assert.match(
    (await run('topic trim trimmed --before -1')).stderr,
    /3 offsets of trimmed would be removed: add --execute/,
  )
  assert.equal((await json('offsets trimmed'))[0].earliest, 0)
  assert.match((await run('topic trim trimmed --before -1 --execute')).stderr, /3 offsets removed from trimmed/)
  assert.deepEqual(await json('offsets trimmed'), [
    { topic: 'trimmed', partition: 0, earliest: 3, latest: 4, count: 1 },
  ])
  assert.equal((await run('offsets trimmed -p 0-2')).status, 1)
  assert.equal((await run('offsets trimmed -p a')).status, 2)
})

test('configurations are described with their source, set, got, appended, and deleted', async () => {
  await run('topic create configured')
  assert.deepEqual(
    await run('config set topic configured retention.ms=5000 cleanup.policy=delete'),
    said('changed retention.ms, cleanup.policy of topic configured\n'),
  )
  assert.equal((await run('config get topic configured retention.ms')).stdout, '5000\n')
  assert.equal(
    (await run('config get topic configured retention.ms cleanup.policy')).stdout,
    'retention.ms=5000\ncleanup.policy=delete\n',
  )
  await run('config append topic configured cleanup.policy=compact')
  assert.equal((await run('config get topic configured cleanup.policy')).stdout, 'delete,compact\n')
  await run('config subtract topic configured cleanup.policy=delete')
  await run('config set topic configured retention.ms=1 --dry-run')
  const changed = await run('config describe topic configured --changed')
  assert.match(
    changed.stdout,
    /^NAME +VALUE +SOURCE +TYPE +NOTE\ncleanup.policy +compact +dynamic-topic +list +-\nretention.ms +5000 +dynamic-topic +long/,
  )
  await run('config delete topic configured retention.ms cleanup.policy')
  assert.deepEqual(await json('config describe topic configured --changed'), [])
  assert.ok((await json('config describe topic configured')).length > 20)
})

test('brokers have configurations of their own and by default', async () => {
  assert.equal((await run('config set broker default log.retention.ms=7200000')).status, 0)
  assert.match(
    (await run('config describe broker default')).stdout,
    /log.retention.ms +7200000 +dynamic-default-broker/,
  )
  assert.equal((await run('config get broker 1 log.retention.ms')).stdout, '7200000\n')
  assert.equal((await run('config delete broker default log.retention.ms')).status, 0)
  assert.match((await run('config list topic')).stdout, /^TYPE +NAME\ntopic +/)
})

test('a misspelt configuration gets the nearest name, and a wrong value its reason', async () => {
  await run('topic create strict')
  assert.match(
    (await run('config get topic strict retention.m')).stderr,
    /no configuration 'retention.m'\nhint: did you mean 'retention.ms'/,
  )
  const refused = await run('config set topic strict retention.ms=soon')
  assert.equal(refused.status, 1)
  assert.match(refused.stderr, /retention\.ms.*INVALID_CONFIG/)
  assert.match((await run('config describe topic strickt')).stderr, /did you mean 'strict'/)
  assert.equal((await run('config describe planet mars')).status, 2)
})

test('the cluster shows its brokers, its requests and its folders', async () => {
  const { clusterId } = broker.broker
  assert.match(
    (await run('cluster describe')).stdout,
    new RegExp(`^cluster +${clusterId}\ncontroller +1\n\nBROKER +HOST`),
  )
  assert.equal((await json('cluster brokers')).brokers[0].port, broker.port)
  assert.match((await run('cluster api-versions')).stdout, /^KEY +API +VERSIONS\n +0 +Produce +0-\d+\n/)
  await run('topic create placed -p 2')
  assert.match(
    (await run('cluster log-dirs -t placed')).stdout,
    /^BROKER +FOLDER[\s\S]*\nplaced +0 [\s\S]*\nplaced +1 /,
  )
})

test('a group is listed, described with its lag, moved, and deleted', async () => {
  await run('topic create read -p 1')
  await run(['produce', 'read', '-q'], { stdin: '0\n1\n2\n3\n4\n5\n6\n7\n8\n9\n' })
  await run('consume read -G g -c 4 -q')
  assert.match((await run('group list ^g$')).stdout, /^GROUP +STATE +TYPE +PROTOCOL\ng +Empty +classic +consumer\n$/)
  const described = await run('group describe g')
  assert.match(
    described.stdout,
    /^group +g\nstate +Empty\n[\s\S]*lag +6\n\nTOPIC +PARTITION +COMMITTED +END +LAG[^\n]*\nread +0 +4 +10 +6 /,
  )
  const moves: readonly [string, number][] = [
    ['--to end', 10],
    ['--to beginning', 0],
    ['--to 5', 5],
    ['--to -2', 8],
    ['--to +3', 3],
    ['--to @1h', 0],
    ['--to 99', 10],
    ['--shift-by -4', 6],
    ['--shift-by 2', 8],
    ['--to current', 8],
  ]
  for (const [where, offset] of moves) {
    const moved = await run(`group reset g --topic read ${where} --execute --output json`)
    assert.equal(JSON.parse(moved.stdout)[0].new, offset, where)
  }
  assert.equal((await json('group describe g'))[0].offsets[0].committed, 8)
  assert.deepEqual(await run('group delete g'), said('deleted g\n'))
  assert.match((await run('group describe g')).stderr, /no group 'g'/)
})

test('a reset shows what would change and changes nothing without --execute', async () => {
  await run('topic create dry-read -p 2')
  await run(['produce', 'dry-read', '-p', '1', '-q'], { stdin: 'a\nb\n' })
  const shown = await run('group reset new-group --topic dry-read:1 --to end')
  assert.deepEqual(shown, {
    status: 0,
    stdout: 'TOPIC     PARTITION  CURRENT  NEW\ndry-read          1  -          2\n',
    stderr: 'nothing was changed: add --execute\n',
  })
  assert.equal((await run('group describe new-group')).status, 1)
})

test('offsets come from another group or a file, and are deleted by topic', async () => {
  await run('topic create copied -p 2')
  await run(['produce', 'copied', '-p', '1', '-q'], { stdin: 'a\nb\nc\n' })
  const fromFile = await run('group reset from-file --from-file - --execute', {
    stdin: '# comment\n"copied",1,2\ncopied,0,0\n',
  })
  assert.match(fromFile.stderr, /moved 2 offsets of from-file/)
  await run('group reset from-group --from-group from-file --topic copied:1 --execute')
  assert.deepEqual(
    (await json('group describe from-group'))[0].offsets.map((row: { committed: number }) => row.committed),
    [2],
  )
  assert.match((await run('group delete-offsets from-file --topic copied:0')).stderr, /deleted 1 offset of from-file/)
  assert.equal((await json('group describe from-file'))[0].offsets.length, 1)
  assert.match((await run('group delete-offsets from-file --topic other')).stderr, /no such offsets/)
  assert.match((await run('group reset x --from-group from-fil --execute')).stderr, /did you mean 'from-file'/)
  assert.match(
    (await run('group reset x --from-file -', { stdin: 'copied;1;2' })).stderr,
    /line 1 of - is not topic,partition,offset/,
  )
})

test('a reset without a place, or without topics, is wrong usage', async () => {
  for (const args of [
    'group reset g --topic read',
    'group reset g --to end',
    'group reset g --to end --shift-by 1 --all-topics',
  ]) {
    const { status, stderr } = await run(args)
    assert.equal(status, 2, args)
    assert.match(stderr, /^error: .*\nhint: .*\n$/)
  }
})

test('a group with members shows them and does not let its offsets be moved', async () => {
  await run('topic create busy')
  await run(['produce', 'busy', '-q'], { stdin: 'a\n' })
  const member = startMillrace(['consume', 'busy', '-G', 'active', '-b', `127.0.0.1:${broker.port}`])
  await untilSaid(member, 'a\n')
  assert.match(
    (await run('group describe active --members')).stdout,
    /members +1\n[\s\S]*MEMBER +INSTANCE +CLIENT +HOST +READS\nmillrace-cli[^\n]*busy:0\n$/,
  )
  const refused = await run('group reset active --topic busy --to beginning --execute')
  assert.equal(refused.status, 1)
  assert.match(refused.stderr, /^error: group 'active' has members.*\nhint: stop its members first\n$/)
  assert.match((await run('group delete active')).stderr, /has members[\s\S]*hint: stop its members first/)
  member.kill('SIGINT')
  assert.equal((await endOf(member)).status, 0)
})
