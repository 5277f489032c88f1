import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type AddressInfo, connect, createServer } from 'node:net'
import { networkInterfaces } from 'node:os'
import { test } from 'node:test'
import { nodeTransport } from './transport.ts'

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
