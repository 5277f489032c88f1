import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { after, before, test } from 'node:test'
import { type BrokerUnderTest, nodesUnderTest, startBrokerUnderTest } from '@millrace/testkit'
import { endOf, millraceAt, startMillrace, untilSaid } from './millrace.ts'

let broker: BrokerUnderTest
let run: ReturnType<typeof millraceAt>
let folder: string

before(async () => {
  broker = await startBrokerUnderTest({ 'group.initial.rebalance.delay.ms': '0' })
  run = millraceAt(broker.port)
  folder = mkdtempSync(join(tmpdir(), 'millrace-cli-'))
})
after(async () => {
  await broker.stop()
  rmSync(folder, { recursive: true, force: true })
})

test('lines from stdin come back in their order, and the summary goes to stderr', async () => {
  const produced = await run('produce lines', { stdin: 'one\ntwo\n\nfour' })
  assert.equal(produced.status, 0)
  assert.equal(produced.stdout, '')
  assert.match(produced.stderr, /^4 records to lines, 10 B in .* records\/s\)\n$/)
  const consumed = await run('consume lines --exit')
  assert.deepEqual(consumed, { status: 0, stdout: 'one\ntwo\n\nfour\n', stderr: '' })
})

test('keys, headers, timestamps and partitions are set and shown', async () => {
  await run('topic create keyed -p 3')
  const args = [
    'produce',
    'keyed',
    '-K',
    ':',
    '-H',
    'from=test',
    '-H',
    'flag',
    '-p',
    '2',
    '-T',
    '2026-11-24T05:00:00Z',
    '-q',
  ]
  assert.deepEqual(await run(args, { stdin: 'a:1\nno key\n' }), { status: 0, stdout: '', stderr: '' })
  const format = '%t/%p@%o %k=%s %K %S %T %h\\n'
  const consumed = await run(['consume', 'keyed', '-e', '-f', format])
  assert.equal(
    consumed.stdout,
    'keyed/2@0 a=1 1 1 1795496400000 from=test,flag=NULL\nkeyed/2@1 =no key -1 6 1795496400000 from=test,flag=NULL\n',
  )
  assert.equal((await run(['consume', 'keyed', '-e', '-K', '\\t', '-D', ';'])).stdout, 'a\t1;\tno key;')
})

test('files are read one after the other, whole or by delimiter, and null values are tombstones', async () => {
  const one = join(folder, 'one')
  const two = join(folder, 'two')
  writeFileSync(one, 'a;b;')
  writeFileSync(two, Buffer.from([0, 255, 10, 59]))
  assert.equal((await run(['produce', 'files', one, '-D', ';', '-q'])).status, 0)
  assert.equal((await run(['produce', 'files', two, '--whole', '-k', 'bin', '-q'])).status, 0)
  assert.equal((await run(['produce', 'files', '-Z', '-K', '=', '-q'], { stdin: 'gone=\n' })).status, 0)
  const { stdout } = await run(['consume', 'files', '-e', '-f', '%k %s{hex} %S\\n'])
  assert.equal(stdout, ' 61 1\n 62 1\nbin 00ff0a3b 4\ngone  -1\n')
})

test('what consume writes as JSON, produce reads without loss', async () => {
  const stdin = `${JSON.stringify({ key: 'k', value: 'v', headers: [{ key: 'h', value: 'x' }], timestamp: 1000 })}\n${JSON.stringify({ keyBase64: '/w==', value: null })}\n`
  await run(['produce', 'json-a', '--json', '-q'], { stdin })
  const first = await run(['consume', 'json-a', '-e', '-J'])
  const copied = await run(['produce', 'json-b', '--json', '-q'], { stdin: first.stdout })
  assert.equal(copied.status, 0)
  const second = await run(['consume', 'json-b', '-e', '--output', 'json'])
  assert.equal(second.stdout, first.stdout.replaceAll('json-a', 'json-b'))
  assert.match(first.stdout, /"keyBase64":"\/w==","value":null/)
  const broken = await run(['produce', 'json-b', '--json'], { stdin: '{"value":"ok"}\nnonsense\n' })
  assert.equal(broken.status, 1)
  assert.match(broken.stderr, /^error: record 2 of stdin: it is not JSON/)
})

test('every codec comes back as it went in', async () => {
  const lines = Array.from({ length: 500 }, (_, n) => `line ${n}\n`).join('')
  for (const codec of ['gzip', 'snappy', 'lz4', 'zstd']) {
    await run(['produce', `codec-${codec}`, '-z', codec, '-q'], { stdin: lines })
    assert.equal((await run(['consume', `codec-${codec}`, '-e'])).stdout, lines, codec)
  }
})

test('each acks setting is accepted, and --report tells where each record went', async () => {
  for (const acks of ['0', '1', 'all'])
    assert.equal((await run(['produce', 'acks', '-a', acks, '-q'], { stdin: 'x\n' })).status, 0)
  const { stdout } = await run(['produce', 'reported', '--report', '-q'], { stdin: 'a\nb\n' })
  assert.equal(stdout, 'reported partition 0 offset 0\nreported partition 0 offset 1\n')
  const json = await run(['produce', 'reported', '--output', 'json'], { stdin: 'c\n' })
  assert.deepEqual({ ...JSON.parse(json.stdout), seconds: 0 }, { topic: 'reported', records: 1, bytes: 1, seconds: 0 })
})

test('reading begins and ends at every kind of position', async () => {
  await run('topic create numbers')
  await run(['produce', 'numbers', '-T', '2026-11-24T01:00:00Z', '-q'], { stdin: '0\n1\n2\n3\n4\n' })
  await run(['produce', 'numbers', '-T', '2026-11-24T02:00:00Z', '-q'], { stdin: '5\n6\n7\n8\n9\n' })
  const cases: readonly [string, string][] = [
    ['-o 7', '789'],
    ['-o -3', '789'],
    ['-o +8', '89'],
    ['-o end', ''],
    ['-o @2026-11-24T01:30:00Z', '56789'],
    ['-o @2026-11-24T03:00:00Z', ''],
    ['-o beginning --until 3', '012'],
    ['-o 2 --until @2026-11-24T02:00:00Z', '234'],
    ['-c 4', '0123'],
    ['-p 0 -o -1', '9'],
  ]
  for (const [options, expected] of cases) {
    const { stdout, status } = await run(
      ['consume', 'numbers', '-D', '', ...options.split(' ')].map(a => a),
      {},
    )
    assert.equal(status, 2, 'an empty delimiter is wrong usage')
    assert.equal(stdout, '')
    const read = await run(`consume numbers -e -f %s ${options}`)
    assert.equal(read.stdout, expected, options)
    assert.equal(read.status, 0)
  }
})

test('a topic, partition or offset that is not there is one sentence and the nearest there is', async () => {
  await run('topic create invoices')
  assert.deepEqual(await run('consume invoises -e'), {
    status: 1,
    stdout: '',
    stderr: "error: there is no topic 'invoises'\nhint: did you mean 'invoices'?\n",
  })
  assert.match((await run('consume invoices -p 5')).stderr, /has no partition 5\nhint: its partitions are 0 to 0/)
  assert.match((await run('consume invoices -o 99')).stderr, /has no offset 99\nhint: it holds 0 up to 0/)
  assert.match((await run('consume ^nothing-like-it -e')).stderr, /no topic matches/)
  assert.match((await run('consume invoises -G g -e')).stderr, /did you mean 'invoices'/)
})

test('a pattern reads all topics that it matches', async () => {
  for (const name of ['part-a', 'part-b', 'apart']) await run(['produce', name, '-q'], { stdin: `${name}\n` })
  const { stdout } = await run('consume ^part- -e')
  assert.deepEqual(stdout.split('\n').sort(), ['', 'part-a', 'part-b'])
  const inGroup = await run('consume ^part- -e -G patterns')
  assert.deepEqual(inGroup.stdout.split('\n').sort(), ['', 'part-a', 'part-b'])
})

test('a group goes on where it stopped, also in the middle of a batch', async () => {
  await run(['produce', 'grouped', '-q'], { stdin: '1\n2\n3\n4\n5\n' })
  assert.equal((await run('consume grouped -G readers -c 2')).stdout, '1\n2\n')
  assert.equal((await run('consume grouped -G readers -c 1 --no-commit')).stdout, '3\n')
  assert.equal((await run('consume grouped -G readers -e')).stdout, '3\n4\n5\n')
  const refused = await run('consume grouped -G readers -o -2')
  assert.equal(refused.status, 2)
  assert.match(refused.stderr, /millrace group reset/)
})

test('Ctrl-C ends reading cleanly: what was written is committed and the group is left', async () => {
  await run(['produce', 'endless', '-q'], { stdin: 'a\nb\n' })
  const child = startMillrace(['consume', 'endless', '-G', 'stopped', '-b', `127.0.0.1:${broker.port}`])
  await untilSaid(child, 'a\nb\n')
  child.kill('SIGINT')
  const { status, stderr } = await endOf(child)
  assert.equal(status, 0)
  assert.equal(stderr, '')
  const [group] = JSON.parse((await run('group describe stopped --output json')).stdout)
  assert.equal(group.state, 'Empty')
  assert.equal(group.lag, 0)
  const alone = startMillrace(['consume', 'endless', '-b', `127.0.0.1:${broker.port}`])
  await untilSaid(alone, 'b\n')
  alone.kill('SIGINT')
  assert.equal((await endOf(alone)).status, 0)
})

test('a reader of stdout that goes away ends the program without a word', async () => {
  await run(['produce', 'piped', '-q'], { stdin: 'x'.repeat(1000).concat('\n').repeat(2000) })
  const child = startMillrace(['consume', 'piped', '-b', `127.0.0.1:${broker.port}`])
  await untilSaid(child, 'x')
  const exited = once(child, 'exit')
  const stderr = text(child.stderr)
  child.stdout.destroy()
  // Only a write finds out that nobody reads any more.
  await run(['produce', 'piped', '-q'], { stdin: 'y\n'.repeat(1000) })
  assert.deepEqual(await exited, [0, null])
  assert.equal(await stderr, '')
})

test('a topic that is not there is not made with --no-create, and options that exclude each other are refused', async () => {
  const refused = await run('produce never-made --no-create --timeout 500ms', { stdin: 'a\n' })
  assert.equal(refused.status, 1)
  assert.match(refused.stderr, /^error: /)
  for (const options of ['-k a -K :', '--json --whole', '--keep-partition', '--whole']) {
    const { status, stderr } = await run(`produce x ${options}`)
    assert.equal(status, 2, options)
    assert.match(stderr, /^error: .*\n/)
  }
})

test('a file that cannot be read is one sentence, and nothing else comes after it', async () => {
  const none = join(folder, 'none')
  const missing = await run(['produce', 'x', none])
  assert.deepEqual([missing.status, missing.stderr], [1, `error: ${none}: there is no such file or folder\n`])
  const aFolder = await run(['produce', 'x', folder])
  assert.equal(aFolder.status, 1)
  assert.match(aFolder.stderr, /^error: .*\n$/)
})

test('a record that the broker refuses ends the program at once, also while stdin goes on', async () => {
  await run('topic create narrow -c max.message.bytes=1000')
  const child = startMillrace(['produce', 'narrow', '-b', `127.0.0.1:${broker.port}`])
  child.stdin.on('error', () => {})
  child.stdin.write(`${'x'.repeat(5000)}\n`)
  const { status, stderr } = await endOf(child)
  assert.equal(status, 1)
  assert.match(stderr, /^error: .*MESSAGE_TOO_LARGE\)\nhint: raise max.message.bytes/)
})

test('Ctrl-C while records come in: what was read is sent, and the status says that it was interrupted', async () => {
  const child = startMillrace(['produce', 'cut', '--report', '-b', `127.0.0.1:${broker.port}`])
  child.stdin.write('one\ntwo\nhalf')
  await untilSaid(child, 'offset 1')
  child.kill('SIGINT')
  assert.equal((await endOf(child)).status, 130)
  assert.equal((await run('consume cut -e')).stdout, 'one\ntwo\n')
})

const isOne = nodesUnderTest() === 1

test('--exit ends also where the last offset is a marker that is never shown (against one node)', {
  skip: !isOne,
}, async () => {
  const { catalog, logs } = broker.alone!
  await run(['produce', 'marked', '-q'], { stdin: 'a\n' })
  const topics = (await catalog.load()).topics
  const partition = logs.partition(topics.find(({ name }) => name === 'marked')!.id, 0)!
  const marker = { commit: true, producerId: 77, producerEpoch: 0, coordinatorEpoch: 0, transactionVersion: 1 }
  const [outcome] = await logs.append([{ partition, marker }])
  assert.equal(outcome?.kind, 'appended')
  assert.equal(JSON.parse((await run('offsets marked --output json')).stdout)[0].latest, 2)
  assert.deepEqual(await run('consume marked -e'), { status: 0, stdout: 'a\n', stderr: '' })
  assert.deepEqual(await run('consume marked -e -o 1'), { status: 0, stdout: '', stderr: '' })
  assert.deepEqual(await run('consume marked -e -G marked'), { status: 0, stdout: 'a\n', stderr: '' })
  assert.deepEqual(await run('consume marked -e -G marked'), { status: 0, stdout: '', stderr: '' })
})

test('many files are read without a warning', async () => {
  const files = Array.from({ length: 15 }, (_, n) => join(folder, `many-${n}`))
  for (const file of files) writeFileSync(file, 'x\n')
  assert.deepEqual(await run(['produce', 'many', ...files, '-q']), { status: 0, stdout: '', stderr: '' })
  assert.equal((await run('consume many -e')).stdout, 'x\n'.repeat(15))
})
