import assert from 'node:assert/strict'
import { test } from 'node:test'
import { brokerConfigOf } from './load-broker-config.ts'
import { nodeIdsOf, nodeSettings, portsOverlap } from './node-settings.ts'

test('each node has the next number and the next ports', () => {
  const config = brokerConfigOf({
    'millrace.nodes': '3',
    'node.id': '4',
    listeners: 'PLAINTEXT://127.0.0.1:9092, OTHER://[::1]:0',
    'listener.security.protocol.map': 'PLAINTEXT:PLAINTEXT,OTHER:PLAINTEXT',
    'advertised.listeners': 'PLAINTEXT://broker.example:19092',
    'millrace.admin.listener': 'localhost:9644',
  })
  assert.deepEqual(nodeIdsOf(config), [4, 5, 6])
  assert.deepEqual(nodeSettings(config, 2), [
    'node.id=6',
    'broker.id=6',
    `listeners=${(config.text('listeners') ?? '').replace('9092', '9094')}`,
    'advertised.listeners=PLAINTEXT://broker.example:19094',
    'millrace.admin.listener=localhost:9646',
  ])
  assert.equal(portsOverlap(config), undefined)
})

test('ports that two nodes would want are refused before one of them fails', () => {
  const config = brokerConfigOf({
    'millrace.nodes': '3',
    listeners: 'PLAINTEXT://127.0.0.1:9092,OTHER://127.0.0.1:9094',
    'listener.security.protocol.map': 'PLAINTEXT:PLAINTEXT,OTHER:PLAINTEXT',
  })
  assert.match(portsOverlap(config) ?? '', /9094 is wanted twice/)
  const high = brokerConfigOf({ 'millrace.nodes': '2', listeners: 'PLAINTEXT://127.0.0.1:65535' })
  assert.match(portsOverlap(high) ?? '', /65536/)
})
