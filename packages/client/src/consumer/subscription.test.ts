import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Subscription } from './subscription.ts'

test('a pattern matches whole names, and no internal topics', () => {
  const subscription = new Subscription()
  subscription.want({ kind: 'pattern', pattern: /orders|.*s/i })
  assert.deepEqual(subscription.topics(['orders', 'orders-2', 'ITEMS', 'item', '__consumer_offsets']), [
    'ITEMS',
    'orders',
  ])
  subscription.want({ kind: 'topics', topics: ['__consumer_offsets'] })
  assert.deepEqual(subscription.topics([]), ['__consumer_offsets'])
})

test('a subscription and an assignment exclude each other', () => {
  const subscription = new Subscription()
  subscription.want({ kind: 'assigned' })
  assert.throws(() => subscription.want({ kind: 'topics', topics: ['t'] }), { code: 'INVALID_STATE' })
  subscription.want({ kind: 'none' })
  subscription.want({ kind: 'topics', topics: ['t'] })
  assert.throws(() => subscription.want({ kind: 'assigned' }), { code: 'INVALID_STATE' })
})

test('a partition that stays keeps its state, and one that goes forgets what was fetched for it', () => {
  const subscription = new Subscription()
  subscription.assign([0, 1].map(partition => ({ topic: 't', partition })))
  const [stays, goes] = subscription.partitions
  stays!.seek(7)
  const { generation } = goes!
  subscription.assign([0, 2].map(partition => ({ topic: 't', partition })))
  assert.equal(subscription.get('t', 0), stays)
  assert.equal(subscription.get('t', 0)!.position, 7)
  assert.ok(goes!.generation > generation)
  assert.throws(() => subscription.expect({ topic: 't', partition: 1 }), {
    code: 'INVALID_STATE',
    topic: 't',
    partition: 1,
  })
})

test('what was handed over counts as done only when more is asked for', () => {
  const subscription = new Subscription()
  subscription.assign([{ topic: 't', partition: 0 }])
  const [own] = subscription.partitions
  own!.seek(5)
  own!.advance(9, 2)
  assert.deepEqual([own!.position, own!.processed], [9, 5])
  subscription.markProcessed()
  assert.deepEqual([own!.processed, own!.processedEpoch], [9, 2])
})
