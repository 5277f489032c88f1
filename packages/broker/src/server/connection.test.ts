import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect, createServer, type Server, type Socket } from 'node:net'
import { after, test } from 'node:test'
import { BufferPool, silentLogger, systemClock } from '@millrace/base'
import { Connection } from './connection.ts'
import type { Outcome } from './dispatcher.ts'
import { ServerLoad } from './server-load.ts'
import type { TransportSocket } from './transport.ts'

/** A request's body is what becomes of it: `now:x` and `later:x` are answered with x, `close` ends the connection, … */
class Script {
  readonly served: string[] = []
  readonly #later = new Map<string, (outcome: Outcome) => void>()
  #awaited: { count: number; resolve: () => void } | undefined

  dispatch(frame: Buffer): Outcome | Promise<Outcome> {
    const [kind = '', text = ''] = frame.toString().split(':')
    this.served.push(frame.toString())
    if (this.#awaited !== undefined && this.served.length >= this.#awaited.count) this.#awaited.resolve()
    if (kind === 'close') return { kind: 'close', reason: text }
    if (kind === 'silence') return { kind: 'silence' }
    if (kind === 'large') return answer(Buffer.alloc(Number(text), 0x61))
    if (kind === 'throttle') return answer(Buffer.from(text), 60)
    if (kind === 'now') return answer(Buffer.from(text))
    return new Promise(resolve => this.#later.set(text, resolve))
  }

  finish(text: string, outcome: Outcome = answer(Buffer.from(text))): void {
    this.#later.get(text)!(outcome)
  }

  async untilServed(count: number): Promise<void> {
    if (this.served.length >= count) return
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#awaited = { count, resolve }
    await promise
  }
}

const answer = (bytes: Buffer, throttleTimeMs = 0): Outcome => ({
  kind: 'answer',
  chunks: [bytes],
  bytes: bytes.length,
  throttleTimeMs,
})

interface Pair {
  readonly client: Socket
  readonly socket: TransportSocket
  readonly connection: Connection
  readonly script: Script
  readonly load: ServerLoad
  /** All that the client got until the end of the connection. */
  readonly received: Promise<string>
  readonly ended: Promise<void>
}

const frameBlocks = new BufferPool({ blockBytesMin: 8192, blockBytesMax: 1 << 20, keptBytesMax: 1 << 20 }, systemClock)
const servers: Server[] = []
const sockets: Socket[] = []
after(() => {
  for (const socket of sockets) socket.destroy()
  for (const server of servers) server.close()
})

async function pair(options: { requestBytesMax?: number; load?: ServerLoad; isReading?: boolean } = {}): Promise<Pair> {
  const { requestBytesMax = 1 << 20, isReading = true } = options
  const load = options.load ?? new ServerLoad({ requestsMax: 500, requestBytesMax: -1, unsentBytesMax: 128 << 20 })
  const script = new Script()
  const made = Promise.withResolvers<Connection>()
  const ended = Promise.withResolvers<void>()
  const server = createServer(socket => {
    sockets.push(socket)
    const facts = { id: 1, listener: 'PLAINTEXT', principal: 'User:ANONYMOUS', clientHost: '127.0.0.1' }
    const onClose = () => ended.resolve()
    const common = { socket, facts, dispatcher: script, load, requestBytesMax, frameBlocks, onClose }
    made.resolve(new Connection({ ...common, clock: systemClock, logger: silentLogger }))
  })
  servers.push(server)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const client = connect((server.address() as { port: number }).port, '127.0.0.1')
  sockets.push(client)
  client.on('error', () => {})
  const chunks: Buffer[] = []
  if (isReading) client.on('data', chunk => chunks.push(chunk as Buffer))
  const received = once(client, 'close').then(() => Buffer.concat(chunks).toString())
  const connection = await made.promise
  return { client, socket: sockets.at(-1)!, connection, script, load, received, ended: ended.promise }
}

function framed(...bodies: string[]): Buffer {
  return Buffer.concat(
    bodies.map(body => {
      const frame = Buffer.alloc(4 + body.length)
      frame.writeInt32BE(body.length)
      frame.write(body, 4)
      return frame
    }),
  )
}

test('answers leave in the order of the requests, whichever is ready first', { timeout: 10_000 }, async () => {
  const { client, script, received } = await pair()
  client.write(framed('later:a', 'now:b', 'later:c', 'now:d', 'close:enough'))
  await script.untilServed(5)
  script.finish('c')
  script.finish('a')
  assert.equal(await received, 'abcd')
})

test('earlier answers leave before the connection closes, and what came after is not served', {
  timeout: 10_000,
}, async () => {
  const { client, script, received, ended } = await pair()
  client.write(framed('later:a', 'now:b', 'close:bad', 'now:c', 'now:d'))
  await script.untilServed(3)
  script.finish('a')
  assert.equal(await received, 'ab')
  await ended
  assert.deepEqual(script.served, ['later:a', 'now:b', 'close:bad'])
})

test('a bad size is refused after the answers before it', { timeout: 10_000 }, async () => {
  const { client, script, received } = await pair({ requestBytesMax: 100 })
  const tooLarge = Buffer.from([0, 0, 0, 101])
  client.write(Buffer.concat([framed('later:a', 'now:b'), tooLarge, Buffer.alloc(5_000)]))
  await script.untilServed(2)
  script.finish('a')
  assert.equal(await received, 'ab')
})

test('an HTTP client gets an answer of its own before the connection closes', { timeout: 10_000 }, async () => {
  const { client, received } = await pair()
  client.write('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n')
  assert.match(await received, /^HTTP\/1\.1 400 .*not HTTP/s)
})

test('no more than sixteen requests of one connection are under way', { timeout: 10_000 }, async () => {
  const { client, script } = await pair()
  client.write(framed(...Array.from({ length: 20 }, (_, i) => `later:${i}`)))
  await script.untilServed(16)
  assert.equal(script.served.length, 16)
  script.finish('7')
  script.finish('0')
  await script.untilServed(17)
  assert.equal(script.served.length, 17, 'only the first of the row makes room')
})

test('what was read behind a request that has to wait is served in order once it may be', {
  timeout: 10_000,
}, async () => {
  const { client, script, received } = await pair()
  const first = Array.from({ length: 17 }, (_, i) => `later:${i}.`)
  const small = Array.from({ length: 2_000 }, (_, i) => `now:${i}.`)
  client.write(framed(...first, ...small, 'later:last', ...small, 'close:enough'))
  await script.untilServed(16)
  for (let i = 0; i < 16; i++) script.finish(`${i}.`)
  await script.untilServed(17)
  script.finish('16.')
  await script.untilServed(17 + small.length + 1)
  script.finish('last')
  const texts = (bodies: string[]) => bodies.map(body => body.split(':')[1]).join('')
  assert.equal(await received, `${texts(first)}${texts(small)}last${texts(small)}`)
})

test('what was read behind a request that has to wait is dropped with it', { timeout: 10_000 }, async () => {
  const { client, connection, script, received } = await pair()
  client.write(framed(...Array.from({ length: 40 }, (_, i) => `later:${i}.`)))
  await script.untilServed(16)
  connection.drain()
  for (let i = 0; i < 16; i++) script.finish(`${i}.`)
  await received
  assert.equal(script.served.length, 16)
})

test('a connection reads much at a time while its requests are large', { timeout: 10_000 }, async () => {
  const { client, script, socket } = await pair()
  const large = `now:${'x'.repeat(30_000)}`
  assert.equal(socket.readsMuch, undefined)
  for (const [i, body] of [large, 'now:a', large].entries()) {
    client.write(framed(body))
    await script.untilServed(i + 1)
    await new Promise(resolve => setImmediate(resolve))
    assert.equal(socket.readsMuch, body === large)
  }
})

test('answers that are ready behind a request that waits count as unsent, and keep more from being made', {
  timeout: 10_000,
}, async () => {
  const { client, script, load, ended } = await pair()
  const size = 1 << 19
  client.write(framed('later:first', ...Array.from({ length: 10 }, () => `large:${size}`)))
  await script.untilServed(4)
  assert.equal(load.unsentBytes, 3 * size)
  assert.equal(script.served.length, 4)
  client.destroy()
  await ended
  assert.equal(load.unsentBytes, 0)
  script.finish('first')
  await Promise.resolve()
  assert.equal(load.unsentBytes, 0)
})

test('a client that does not read is not served on, and is when it reads', { timeout: 20_000 }, async () => {
  const { client, script, load, connection } = await pair({ isReading: false })
  const size = 4 << 20
  client.write(framed(...Array.from({ length: 10 }, () => `large:${size}`)))
  await script.untilServed(1)
  assert.ok(script.served.length < 10)
  assert.ok(load.unsentBytes <= 2 * size)
  assert.ok(connection.isIdle, 'one who never reads is closed when its time is up')
  let got = 0
  const all = Promise.withResolvers<void>()
  client.on('data', chunk => {
    got += chunk.length
    if (got === 10 * size) all.resolve()
  })
  await all.promise
  assert.equal(script.served.length, 10)
})

test('a throttled client is answered, and asked again only after its time', { timeout: 10_000 }, async () => {
  const { client, script, received } = await pair()
  const startedMs = performance.now()
  client.write(framed('throttle:a', 'now:b', 'close:enough'))
  await once(client, 'data')
  assert.deepEqual(script.served, ['throttle:a'])
  assert.equal(await received, 'ab')
  assert.ok(performance.now() - startedMs >= 55)
})

test('drain answers what is under way, serves nothing more and ends', { timeout: 10_000 }, async () => {
  const { client, connection, script, received, ended } = await pair()
  client.write(framed('later:a', 'now:b'))
  await script.untilServed(2)
  connection.drain()
  client.write(framed('now:c'))
  script.finish('a')
  assert.equal(await received, 'ab')
  await ended
  assert.equal(script.served.length, 2)
})

test('drain ends a connection without anything under way at once, though its client keeps it open', {
  timeout: 3_000,
}, async () => {
  const { client, connection, ended } = await pair({ isReading: false })
  client.pause()
  connection.drain()
  await ended
})

test('a client that is gone leaves nothing behind when its requests finish', { timeout: 10_000 }, async () => {
  const { client, script, load, ended } = await pair()
  client.write(framed('later:a', 'later:b', 'large:100000'))
  await script.untilServed(3)
  client.destroy()
  await ended
  script.finish('b')
  script.finish('a')
  await new Promise(resolve => setImmediate(resolve))
  assert.equal(load.requestCount, 0)
  assert.equal(load.requestBytes, 0)
  assert.equal(load.unsentBytes, 0)
})

test('requests that were sent before a hang-up are served all the same', { timeout: 10_000 }, async () => {
  const { client, script, ended } = await pair()
  client.end(framed(...Array.from({ length: 500 }, (_, i) => `silence:${i}`)))
  await ended
  assert.equal(script.served.length, 500)
})

test('a request waits for its turn when others fill queued.max.requests', { timeout: 10_000 }, async () => {
  const load = new ServerLoad({ requestsMax: 1, requestBytesMax: -1, unsentBytesMax: 1 << 20 })
  const first = await pair({ load })
  const second = await pair({ load })
  first.client.write(framed('later:a'))
  await first.script.untilServed(1)
  second.client.write(framed('now:b'))
  first.script.finish('a')
  await once(second.client, 'data')
  assert.deepEqual(second.script.served, ['now:b'])
})

test('with queued.max.request.bytes a request that has begun is read to its end, and others wait unread', {
  timeout: 10_000,
}, async () => {
  const load = new ServerLoad({ requestsMax: 100, requestBytesMax: 50_000, unsentBytesMax: 1 << 20 })
  const first = await pair({ load })
  const second = await pair({ load })
  const large = framed(`later:a:${'x'.repeat(60_000)}`)
  first.client.write(large.subarray(0, 40_000))
  while (load.requestBytes === 0) await new Promise(resolve => setImmediate(resolve))
  second.client.write(framed('later:b', `now:c:${'y'.repeat(200_000)}`))
  while (load.waitingCount === 0) await new Promise(resolve => setImmediate(resolve))
  assert.deepEqual(second.script.served, [])
  first.client.write(large.subarray(40_000))
  await first.script.untilServed(1)
  assert.equal(load.requestBytes, large.length - 4)
  first.script.finish('a')
  await second.script.untilServed(1)
  second.script.finish('b')
  await second.script.untilServed(2)
  while (load.requestBytes > 0) await new Promise(resolve => setImmediate(resolve))
})
