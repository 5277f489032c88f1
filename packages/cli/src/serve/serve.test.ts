import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { CreateTopics, Fetch, Metadata, Writer, writeRequestHeader } from '@millrace/protocol'
import { WireClient } from '@millrace/testkit'

const TIMEOUT = { timeout: 60_000 }
const root = await mkdtemp(join(tmpdir(), 'millrace-serve-'))
const children: ChildProcess[] = []
after(async () => {
  for (const child of children) child.kill('SIGKILL')
  await rm(root, { recursive: true, force: true })
})

interface LogLine {
  readonly level: string
  readonly message: string
  readonly listeners?: string
  readonly admin?: string
  readonly partitions?: number
}

/** `millrace serve` in a process of its own, its log lines taken apart. */
class Served {
  readonly child: ChildProcess
  readonly lines: LogLine[] = []
  /** What was written and is no log line. */
  raw = ''
  readonly #exited: Promise<unknown[]>
  #changed = Promise.withResolvers<void>()

  constructor(...args: string[]) {
    const main = new URL('../main.ts', import.meta.url).pathname
    const listeners = ['--set', 'listeners=PLAINTEXT://127.0.0.1:0']
    const node = ['--conditions=source', '--disable-warning=ExperimentalWarning']
    const env = { ...process.env, MILLRACE_LOG_FORMAT: 'json' }
    this.child = spawn(process.execPath, [...node, main, 'serve', ...listeners, ...args], {
      stdio: ['ignore', 'ignore', 'pipe'],
      env,
    })
    children.push(this.child)
    this.#exited = once(this.child, 'close')
    let rest = ''
    this.child.stderr!.on('data', (chunk: Buffer) => {
      const lines = (rest + chunk).split('\n')
      rest = lines.pop()!
      for (const line of lines) this.#take(line)
      this.#changed.resolve()
      this.#changed = Promise.withResolvers<void>()
    })
    void this.#exited.then(() => this.#changed.resolve())
  }

  #take(line: string): void {
    if (line.startsWith('{')) this.lines.push(JSON.parse(line) as LogLine)
    else this.raw += `${line}\n`
  }

  async line(message: string): Promise<LogLine> {
    for (;;) {
      const found = this.lines.find(l => l.message.startsWith(message))
      if (found !== undefined) return found
      if (this.child.exitCode !== null)
        assert.fail(`ended without "${message}": ${JSON.stringify(this.lines)} ${this.raw}`)
      await this.#changed.promise
    }
  }

  async port(): Promise<number> {
    return Number((await this.line('broker is ready')).listeners!.split(':').at(-1))
  }

  async exitCode(): Promise<number | null> {
    return (await this.#exited)[0] as number | null
  }

  get errors(): string[] {
    return this.lines.filter(l => l.level === 'error').map(l => l.message)
  }
}

async function createTopic(port: number, name: string, numPartitions: number): Promise<number> {
  await using client = await WireClient.connect({ port })
  const { topics } = await client.request(CreateTopics, 7, {
    topics: [{ name, numPartitions, replicationFactor: -1, assignments: [], configs: [] }],
    timeoutMs: 30_000,
    validateOnly: false,
  })
  return topics[0]!.errorCode
}

async function topicNames(port: number): Promise<(string | null)[]> {
  await using client = await WireClient.connect({ port })
  const { topics } = await client.request(Metadata, 12, {
    topics: null,
    allowAutoTopicCreation: false,
    includeTopicAuthorizedOperations: false,
  })
  return topics.map(t => t.name)
}

test('a thousand partitions stop cleanly and are all there after the next start', TIMEOUT, async () => {
  const folder = join(root, 'thousand')
  const first = new Served('--set', `log.dirs=${folder}`)
  assert.equal(await createTopic(await first.port(), 'many', 1_000), 0)
  first.child.kill('SIGTERM')
  assert.equal(await first.exitCode(), 0)
  assert.deepEqual(first.errors, [])
  const second = new Served('--set', `log.dirs=${folder}`)
  assert.equal((await second.line('broker is ready')).partitions, 1_000)
  second.child.kill('SIGINT')
  assert.equal(await second.exitCode(), 0)
})

test(
  'a second start on the same folder is refused in one sentence and leaves the first one as it was',
  TIMEOUT,
  async () => {
    const folder = join(root, 'held')
    const first = new Served('--set', `log.dirs=${folder}`)
    const port = await first.port()
    const second = new Served('--set', `log.dirs=${folder}`)
    assert.equal(await second.exitCode(), 1)
    assert.equal(second.errors.length, 1)
    assert.match(second.errors[0]!, /^the data folder .*held is in use by another process/)
    assert.equal(second.raw, '')
    assert.equal(await createTopic(port, 'after', 1), 0, 'its catalog takes writes still')
    first.child.kill('SIGTERM')
    assert.equal(await first.exitCode(), 0)
  },
)

/** A long poll whose client never closes its end: the stop answers it and then waits for the client. */
async function stubbornClient(port: number): Promise<{ answered: Promise<unknown> }> {
  const w = new Writer()
  w.int32(0)
  writeRequestHeader(w, { apiKey: Fetch.key, apiVersion: 12, correlationId: 1, clientId: 'c' }, true)
  Fetch.request.write(
    w,
    {
      replicaId: -1,
      maxWaitMs: 60_000,
      minBytes: 1,
      maxBytes: 1000,
      isolationLevel: 0,
      sessionId: 0,
      sessionEpoch: -1,
      topics: [{ topic: 't', partitions: [{ partition: 0, fetchOffset: 0, partitionMaxBytes: 1000 }] }],
      forgottenTopicsData: [],
      rackId: '',
    },
    12,
  )
  w.patchInt32(w.length - 4)
  const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true })
  socket.on('error', () => {})
  await once(socket, 'connect')
  socket.write(w.finish())
  return { answered: once(socket, 'data') }
}

test('a second signal ends at once with a status that is not 0, and says so', TIMEOUT, async () => {
  const served = new Served('--ephemeral', '--set', 'millrace.shutdown.timeout.ms=60000')
  const port = await served.port()
  assert.equal(await createTopic(port, 't', 1), 0)
  const { answered } = await stubbornClient(port)
  // Another connection's answer comes after the broker has taken in the long poll.
  await topicNames(port)
  served.child.kill('SIGTERM')
  await answered
  await served.line('stopping')
  const insisting = setInterval(() => served.child.kill('SIGINT'), 50)
  assert.equal(await served.exitCode(), 1)
  clearInterval(insisting)
  assert.match(served.errors[0]!, /^SIGINT came again: ending at once/)
})

test('Ctrl-C that arrives twice at once, as under npm, is one clean stop', TIMEOUT, async () => {
  const served = new Served('--ephemeral')
  await served.port()
  served.child.kill('SIGINT')
  served.child.kill('SIGTERM')
  assert.equal(await served.exitCode(), 0)
})

test('millrace.storage=memory keeps nothing on disk, as --ephemeral does', TIMEOUT, async () => {
  const folder = join(root, 'unused')
  const served = new Served('--set', 'millrace.storage=memory', '--set', `log.dirs=${folder}`)
  assert.equal(await createTopic(await served.port(), 'gone', 1), 0)
  served.child.kill('SIGTERM')
  assert.equal(await served.exitCode(), 0)
  await assert.rejects(rm(folder, { recursive: true }), { code: 'ENOENT' })
})

test('a mistake of the user is one sentence without a stack, and the status is not 0', TIMEOUT, async () => {
  const taken = createServer()
  taken.listen(0, '127.0.0.1')
  await once(taken, 'listening')
  const { port } = taken.address() as { port: number }
  const file = join(root, 'a-file')
  await writeFile(file, '')
  const cases: [string[], RegExp][] = [
    [['--set', `listeners=PLAINTEXT://127.0.0.1:${port}`], /^port \d+ on 127.0.0.1 is taken: .* listeners=…$/],
    [['--set', 'millrace.storage=disk', '--set', `log.dirs=${file}`], /a-file/],
  ]
  const served = cases.map(([args]) => new Served('--set', 'millrace.storage=memory', ...args))
  for (const [i, [, sentence]] of cases.entries()) {
    assert.equal(await served[i]!.exitCode(), 1)
    assert.equal(served[i]!.errors.length, 1)
    assert.match(served[i]!.errors[0]!, sentence)
    assert.doesNotMatch(served[i]!.errors[0]!, / {4}at |\n/)
    assert.equal(served[i]!.raw, '')
  }
  const misspelt = new Served('--set', 'num.partition=3')
  assert.equal(await misspelt.exitCode(), 2)
  assert.equal(
    misspelt.raw,
    'millrace: --set num.partition: Unknown configuration num.partition: did you mean num.partitions?\n',
  )
  taken.close()
})

test('an admin port that is taken is told, and the broker runs without it', TIMEOUT, async () => {
  const taken = createServer()
  taken.listen(0, '127.0.0.1')
  await once(taken, 'listening')
  const { port } = taken.address() as { port: number }
  const served = new Served('--ephemeral', '--set', `millrace.admin.listener=127.0.0.1:${port}`)
  const { admin } = await served.line('broker is ready')
  assert.equal(admin, undefined)
  assert.match((await served.line(`127.0.0.1:${port} is taken`)).message, /millrace.admin.listener=HOST:PORT$/)
  served.child.kill('SIGTERM')
  assert.equal(await served.exitCode(), 0)
  taken.close()
})

test('the admin port is shown in the line that says it is ready', TIMEOUT, async () => {
  const served = new Served('--ephemeral', '--set', 'millrace.admin.listener=127.0.0.1:0')
  const { admin } = await served.line('broker is ready')
  assert.equal((await fetch(`${admin}/readyz`)).status, 200)
  served.child.kill('SIGTERM')
  assert.equal(await served.exitCode(), 0)
})
