import assert from 'node:assert/strict'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { test } from 'node:test'
import { systemClock, TimerWheel } from '@millrace/base'
import { ApiVersions, Heartbeat, Reader, readRequestStart } from '@millrace/protocol'
import { KafkaError } from '../errors.ts'
import { connect } from './connect.ts'

type Answer = (request: { apiKey: number; apiVersion: number; correlationId: number }, socket: Socket) => void

/** A peer that answers each request as the test says. */
async function withPeer(
  answer: Answer,
  run: (port: number, options: Parameters<typeof connect>[1]) => Promise<void>,
): Promise<void> {
  const timers = new TimerWheel(systemClock)
  const sockets = new Set<Socket>()
  const server = createServer(socket => {
    sockets.add(socket)
    let rest: Buffer = Buffer.alloc(0)
    socket.on('error', () => {})
    socket.on('data', (chunk: Buffer) => {
      rest = Buffer.concat([rest, chunk])
      while (rest.length >= 4 && rest.length >= 4 + rest.readInt32BE(0)) {
        const end = 4 + rest.readInt32BE(0)
        answer(readRequestStart(new Reader(rest.subarray(4, end))), socket)
        rest = rest.subarray(end)
      }
    })
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  try {
    await run((server.address() as AddressInfo).port, {
      clientId: 'test',
      connectTimeoutMs: 5000,
      requestTimeoutMs: 5000,
      responseBytesMax: 1_000_000,
      tls: undefined,
      timers,
    })
  } finally {
    for (const socket of sockets) socket.destroy()
    server.close()
    timers.close()
  }
}

function reply(socket: Socket, correlationId: number, body: Buffer): void {
  const head = Buffer.alloc(8)
  head.writeInt32BE(body.length + 4)
  head.writeInt32BE(correlationId, 4)
  socket.write(Buffer.concat([head, body]))
}

const keys = [
  { apiKey: ApiVersions.key, minVersion: 0, maxVersion: 3 },
  { apiKey: Heartbeat.key, minVersion: 0, maxVersion: 1 },
]
const beat = { groupId: 'g', generationId: 1, memberId: 'm' }

function versions(request: Parameters<Answer>[0], socket: Socket): boolean {
  if (request.apiKey !== ApiVersions.key) return false
  const refused = request.apiVersion > 3
  const version = refused ? 0 : request.apiVersion
  reply(
    socket,
    request.correlationId,
    ApiVersions.response.encode({ errorCode: refused ? 35 : 0, apiKeys: keys }, version),
  )
  return true
}

test('a broker that lacks our ApiVersions version is asked again in its own, and the next time at once', async () => {
  const asked: number[] = []
  await withPeer(
    (request, socket) => {
      asked.push(request.apiVersion)
      versions(request, socket)
    },
    async (port, options) => {
      const hint = { version: 5 }
      const first = await connect({ host: '127.0.0.1', port }, options, hint)
      assert.equal(first.version(Heartbeat), 1)
      assert.throws(() => first.version({ ...Heartbeat, key: 99, name: 'Other' }), { code: 'UNSUPPORTED_VERSION' })
      await connect({ host: '127.0.0.1', port }, options, hint)
      assert.deepEqual(asked, [5, 3, 3])
    },
  )
})

test('requests go out without waiting for each other and find their answers', async () => {
  const waiting: [number, Socket][] = []
  await withPeer(
    (request, socket) => {
      if (versions(request, socket)) return
      waiting.push([request.correlationId, socket])
      if (waiting.length < 3) return
      for (const [at, [id, peer]] of waiting.entries()) reply(peer, id, Heartbeat.response.encode({ errorCode: at }, 1))
    },
    async (port, options) => {
      const connection = await connect({ host: '127.0.0.1', port }, options, { version: 3 })
      const answers = await Promise.all([1, 2, 3].map(() => connection.request(Heartbeat, beat)))
      assert.deepEqual(
        answers.map(({ errorCode }) => errorCode),
        [0, 1, 2],
      )
    },
  )
})

test('an answer that does not come in time ends the request and the connection', async () => {
  await withPeer(
    (request, socket) => void versions(request, socket),
    async (port, options) => {
      const connection = await connect({ host: '127.0.0.1', port }, options, { version: 3 })
      const late = connection.request(Heartbeat, beat, { timeoutMs: 30 })
      const behind = connection.request(Heartbeat, beat)
      await assert.rejects(late, { code: 'TIMED_OUT', retriable: true })
      await assert.rejects(behind, { code: 'DISCONNECTED', retriable: true })
      assert.equal(connection.isOpen, false)
    },
  )
})

test('a signal gives a request up and leaves the connection to the others', async () => {
  const held: [number, Socket][] = []
  const stop = new AbortController()
  await withPeer(
    (request, socket) => {
      if (versions(request, socket)) return
      held.push([request.correlationId, socket])
      if (held.length === 1) return stop.abort(new Error('never mind'))
      for (const [id, peer] of held) reply(peer, id, Heartbeat.response.encode({ errorCode: 0 }, 1))
    },
    async (port, options) => {
      const connection = await connect({ host: '127.0.0.1', port }, options, { version: 3 })
      await assert.rejects(connection.request(Heartbeat, beat, { signal: stop.signal }), /never mind/)
      assert.equal((await connection.request(Heartbeat, beat)).errorCode, 0)
    },
  )
})

test('an answer to another question is the end of the connection', async () => {
  await withPeer(
    (request, socket) => {
      if (!versions(request, socket))
        reply(socket, request.correlationId + 1, Heartbeat.response.encode({ errorCode: 0 }, 1))
    },
    async (port, options) => {
      const connection = await connect({ host: '127.0.0.1', port }, options, { version: 3 })
      await assert.rejects(connection.request(Heartbeat, beat), { code: 'MALFORMED_RESPONSE', retriable: false })
      assert.equal(connection.isOpen, false)
    },
  )
})

test('a peer that is no Kafka is told apart', async () => {
  await withPeer(
    (_, socket) => void socket.end('HTTP/1.1 400 Bad Request\r\n\r\n'),
    async (port, options) => {
      await assert.rejects(connect({ host: '127.0.0.1', port }, options, { version: 3 }), {
        code: 'MALFORMED_RESPONSE',
        message: /it speaks HTTP/,
      })
    },
  )
  await withPeer(
    (_, socket) => void socket.destroy(),
    async (port, options) => {
      await assert.rejects(connect({ host: '127.0.0.1', port }, options, { version: 3 }), error => {
        assert.ok(error instanceof KafkaError && error.code === 'DISCONNECTED')
        assert.match(error.message, /is it a Kafka port/)
        return true
      })
    },
  )
})
