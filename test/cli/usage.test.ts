import assert from 'node:assert/strict'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import { test } from 'node:test'
import { startBrokerUnderTest } from '@millrace/testkit'
import { millrace, millraceAt, startMillrace } from './millrace.ts'

const commands = [
  ['serve'],
  ['topic', 'create', 'list', 'describe', 'alter', 'delete', 'trim'],
  ['produce'],
  ['consume'],
  ['group', 'list', 'describe', 'reset', 'delete', 'delete-offsets'],
  ['config', 'list', 'describe', 'get', 'set', 'delete', 'append', 'subtract'],
  ['cluster', 'describe', 'api-versions', 'log-dirs'],
  ['offsets'],
  ['log', 'verify', 'repair'],
  ['transaction', 'drop'],
  ['import'],
  ['completion'],
  ['version'],
]

test('help lists every command and teaches with examples', async () => {
  const { status, stdout, stderr } = await millrace(['--help'])
  assert.equal(status, 0)
  assert.equal(stderr, '')
  for (const [name] of commands) assert.match(stdout, new RegExp(`^  ${name} `, 'm'))
  assert.match(stdout, /Exit status: 0 done, 1 failed, 2 wrong usage/)
})

test('each command that works on something has two examples or more in its help', async () => {
  const asked = commands.flatMap(([name, ...below]) => [[name!], ...below.map(child => [name!, child])])
  const wanted = asked.filter(([name]) => name !== 'serve' && name !== 'version')
  // Two at a time: these are whole processes.
  for (let at = 0; at < wanted.length; at += 2)
    await Promise.all(
      wanted.slice(at, at + 2).map(async words => {
        const { status, stdout } = await millrace([...words, '--help'])
        assert.equal(status, 0)
        const examples = stdout.match(/^ {2}\$ .*millrace/gm) ?? []
        assert.ok(examples.length >= 2, `${words.join(' ')}: ${examples.length} examples`)
      }),
    )
})

test('wrong usage is one sentence, a hint, and status 2', async () => {
  const wrong: readonly [string[], RegExp][] = [
    [['prodce'], /unknown command 'prodce'[\s\S]*Did you mean produce/],
    [['topic', 'lst'], /unknown command 'lst'[\s\S]*Did you mean list/],
    [['produce'], /missing required argument 'topic'/],
    [['produce', 't', '--partitio', '1'], /unknown option '--partitio'[\s\S]*Did you mean --partition/],
    [['produce', 't', '-p', 'x'], /Write a whole number/],
    [['produce', 't', '-z', 'brotli'], /Allowed choices are none, gzip, snappy, lz4, zstd/],
    [['consume', 't', '-f', '%q'], /%q, which means nothing[\s\S]*hint: /],
    [['consume', 't', '-o', 'yesterday'], /'yesterday' is not an offset or a time[\s\S]*hint: /],
    [['topic', 'list', '--timeout', 'soon'], /Write 10s, 1m30s or 500ms/],
    [['topic', 'list', '-b', 'ht tp'], /is not an address/],
    [['completion', 'tcsh'], /Allowed choices are bash, zsh, fish/],
  ]
  for (const [args, message] of wrong) {
    const { status, stdout, stderr } = await millrace(args)
    assert.equal(status, 2, args.join(' '))
    assert.equal(stdout, '')
    assert.match(stderr, message)
    assert.match(stderr, /^error: /)
    assert.doesNotMatch(stderr, / at .*\.ts:/)
  }
})

test('an address where nobody answers is one sentence and a hint, at once', async () => {
  for (const args of [
    ['topic', 'list'],
    ['consume', 't'],
    ['produce', 't'],
    ['group', 'describe', 'g'],
  ]) {
    const { status, stderr } = await millrace([...args, '-b', '127.0.0.1:1'], { stdin: 'a\n' })
    assert.equal(status, 1)
    assert.match(stderr, /^error: .*127\.0\.0\.1:1.*\nhint: .*millrace serve.*\n$/)
  }
})

test('the brokers come from the option, else from the environment', async () => {
  await using broker = await startBrokerUnderTest()
  const run = millraceAt(broker.port)
  assert.equal((await run('topic list')).status, 0)
  assert.equal((await run(['topic', 'list', '-b', '127.0.0.1:1'])).status, 1)
  const before = await millrace(['-b', `127.0.0.1:${broker.port}`, 'topic', 'list'])
  assert.equal(before.status, 0)
})

test('version says which program and which Node', async () => {
  const table = await millrace(['version'])
  assert.match((await millrace(['--version'])).stdout, /^\d+\.\d+\.\d+\n$/)
  assert.match(table.stdout, /^millrace \d+\.\d+\.\d+ \(Node \d+/)
  const json = await millrace(['version', '--output', 'json'])
  assert.equal(JSON.parse(json.stdout).node, process.versions.node)
})

test('completion scripts know every command and its options', async () => {
  for (const shell of ['bash', 'zsh', 'fish']) {
    const { status, stdout } = await millrace(['completion', shell])
    assert.equal(status, 0)
    for (const [name, ...below] of commands)
      for (const word of [name!, ...below]) assert.ok(stdout.includes(word), `${shell}: ${word}`)
    assert.match(stdout, /shift-by/)
  }
})

test('help whose reader has gone ends without a word', async () => {
  const child = startMillrace(['topic', 'create', '--help'])
  const exited = once(child, 'exit')
  const stderr = text(child.stderr)
  child.stdout.destroy()
  assert.deepEqual(await exited, [0, null])
  assert.equal(await stderr, '')
})
