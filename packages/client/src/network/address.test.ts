import assert from 'node:assert/strict'
import { test } from 'node:test'
import { addressText, parseServers } from './address.ts'

test('addresses come with and without a port, as IPv6, as a list and as one text', () => {
  assert.deepEqual(parseServers('a:1, b ,[::1]:3'), [
    { host: 'a', port: 1 },
    { host: 'b', port: 9092 },
    { host: '::1', port: 3 },
  ])
  assert.deepEqual(parseServers(['PLAINTEXT://kafka.example:9093']), [{ host: 'kafka.example', port: 9093 }])
  assert.equal(addressText({ host: '::1', port: 3 }), '[::1]:3')
})

test('what is no address is refused with an example of one', () => {
  for (const wrong of ['', 'a:b', 'a:0', 'a:70000', '::1', 'http://x/y'])
    assert.throws(() => parseServers(wrong), { code: 'INVALID_ARGUMENT' }, wrong)
  assert.throws(() => parseServers('a:b'), /write host:port, such as localhost:9092/)
})
