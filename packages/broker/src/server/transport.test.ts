import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type AddressInfo, connect, createServer } from 'node:net'
import { networkInterfaces } from 'node:os'
import { test } from 'node:test'
import { nodeTransport, type TransportSocket } from './transport.ts'

const hasIpv6 = Object.values(networkInterfaces())
  .flat()
  .some(found => found?.address === '::1')
const localhost = { host: 'localhost', port: 0, backlog: 10 }

async function isOpen(host: string, port: number): Promise<boolean> {
  const socket = connect({ host, port })
  try {
    await once(socket, 'connect')
    return true
  } catch {
    return false
  } finally {
    socket.destroy()
  }
}

test('localhost is both loopback addresses, whichever the resolver gives first', async () => {
  const listener = await nodeTransport.listen(localhost, socket => socket.destroy())
  assert.equal(await isOpen('127.0.0.1', listener.port), true)
  assert.equal(await isOpen('::1', listener.port), hasIpv6)
  listener.close()
  assert.equal(await isOpen('127.0.0.1', listener.port), false)
  assert.equal(await isOpen('::1', listener.port), false)
})

test('localhost is refused when either address is taken, and then the other is free again (with IPv6)', {
  skip: !hasIpv6,
}, async () => {
  const taken = createServer()
  taken.listen({ host: '::1', port: 0 })
  await once(taken, 'listening')
  const { port } = taken.address() as AddressInfo
  await assert.rejects(
    nodeTransport.listen({ ...localhost, port }, socket => socket.destroy()),
    { code: 'EADDRINUSE', address: '::1' },
  )
  assert.equal(await isOpen('127.0.0.1', port), false)
  taken.close()
})

test('a named address is that one alone', async () => {
  const listener = await nodeTransport.listen({ ...localhost, host: '127.0.0.1' }, socket => socket.destroy())
  assert.equal(await isOpen('::1', listener.port), false)
  listener.close()
})

test('a socket is read 64 kB at a time, and more where that is wished', { timeout: 20_000 }, async () => {
  const accepted = Promise.withResolvers<TransportSocket>()
  const listener = await nodeTransport.listen({ ...localhost, host: '127.0.0.1' }, accepted.resolve)
  const client = connect(listener.port, '127.0.0.1')
  const socket = await accepted.promise
  const bytes = Buffer.from(Array.from({ length: 1_000_000 }, (_, i) => (i * 7 + (i >> 8)) & 0xff))
  let came = 0
  let largest = 0
  let whole = Promise.withResolvers<void>()
  socket.on('data', chunk => {
    const at = came % bytes.length
    assert.ok(chunk.equals(bytes.subarray(at, at + chunk.length)))
    came += chunk.length
    largest = Math.max(largest, chunk.length)
    if (came % bytes.length === 0) whole.resolve()
  })
  const send = async (): Promise<void> => {
    whole = Promise.withResolvers<void>()
    client.write(bytes)
    await whole.promise
  }
  for (let i = 0; i < 5; i++) await send()
  assert.ok(largest <= 65_536)
  socket.readsMuch = true
  while (largest <= 65_536) await send()
  socket.readsMuch = false
  await send()
  largest = 0
  await send()
  assert.ok(largest <= 65_536)
  client.destroy()
  listener.close()
})
