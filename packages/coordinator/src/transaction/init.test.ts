import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { SimulatedProducer } from './simulated-producer.ts'
import { PRODUCER_EPOCH_MAX } from './state.ts'

/** An id whose producer has one epoch left. */
function exhausted(version: 0 | 2): SimulatedProducer {
  const producer = SimulatedProducer.ready(version)
  for (let epoch = 0; epoch < PRODUCER_EPOCH_MAX; epoch++) producer.init()
  assert.equal(producer.identity.producerEpoch, PRODUCER_EPOCH_MAX)
  return producer
}

describe('InitProducerId', () => {
  test('gives a new transactional id a fresh producer id, and each later producer the next epoch', () => {
    const producer = SimulatedProducer.ready(0)
    const { producerId } = producer.identity
    assert.equal(producer.identity.producerEpoch, 0)
    producer.init()
    assert.deepEqual(producer.identity, { producerId, producerEpoch: 1 })
    assert.equal(producer.kind, 'Empty')
  })

  test('of an empty transactional id, and with a timeout out of bounds, is refused', () => {
    const producer = new SimulatedProducer(0)
    assert.equal(producer.init(null, 0), 'INVALID_TRANSACTION_TIMEOUT')
    assert.equal(producer.init(null, 900_001), 'INVALID_TRANSACTION_TIMEOUT')
    assert.equal(producer.init(null, 900_000), 'NONE')
    producer.shell.state = { kind: 'Dead', transactionalId: '', unloaded: false }
    assert.equal(producer.init(), 'INVALID_REQUEST')
    assert.equal(producer.add(0), 'INVALID_REQUEST')
    assert.equal(producer.commit(), 'INVALID_REQUEST')
  })

  for (const version of [0, 2] as const) {
    test(`aborts what an older producer has open, and has the newer one come again (version ${version})`, () => {
      const producer = SimulatedProducer.ready(version)
      const older = producer.identity
      producer.add(0)
      assert.equal(producer.init(), 'CONCURRENT_TRANSACTIONS')
      assert.equal(producer.kind, 'PrepareAbort')
      assert.equal(producer.shell.markers[0]!.producerEpoch, 1, 'the marker locks the older one out')
      assert.equal(producer.init(), 'CONCURRENT_TRANSACTIONS')
      producer.shell.deliver()
      assert.equal(producer.init(), 'NONE')
      assert.deepEqual(producer.identity, { ...older, producerEpoch: 2 })
      assert.equal(producer.add(0, older), 'PRODUCER_FENCED')
      assert.equal(producer.abort(older), 'PRODUCER_FENCED')
    })
  }

  test('passes over epochs that may have been given out and forgotten, to another id when none are left', () => {
    const producer = SimulatedProducer.ready(2)
    const { producerId } = producer.identity
    assert.equal(producer.initPassingOver(64), 'NONE')
    assert.deepEqual(producer.identity, { producerId, producerEpoch: 65 })
    assert.equal(producer.initPassingOver(64, { producerId, producerEpoch: 3 }), 'PRODUCER_FENCED')
    assert.equal(producer.initPassingOver(64, producer.identity), 'NONE')
    assert.deepEqual(producer.identity, { producerId, producerEpoch: 130 })
    assert.equal(producer.initPassingOver(PRODUCER_EPOCH_MAX - 131), 'NONE')
    assert.deepEqual(producer.identity, { producerId, producerEpoch: PRODUCER_EPOCH_MAX })
    const before = exhausted(2)
    before.shell.state = { ...before.shell.state, producerEpoch: PRODUCER_EPOCH_MAX - 64 } as typeof before.shell.state
    assert.equal(before.initPassingOver(64), 'NONE')
    assert.notEqual(before.identity.producerId, producerId)
    assert.equal(before.identity.producerEpoch, 0)
  })

  test('with the present id and epoch goes on with the next, and repeated gives the same', () => {
    const producer = SimulatedProducer.ready(0)
    const first = producer.identity
    assert.equal(producer.init(first), 'NONE')
    const second = producer.identity
    assert.equal(second.producerEpoch, 1)
    assert.equal(producer.init(first), 'NONE')
    assert.deepEqual(producer.identity, second)
    producer.shell.restart()
    assert.equal(producer.init(first), 'NONE', 'also over a restart')
    assert.deepEqual(producer.identity, second)
  })

  test('with the identity of a producer that was replaced is fenced', () => {
    const producer = SimulatedProducer.ready(0)
    const first = producer.identity
    producer.init()
    assert.equal(producer.init(first), 'PRODUCER_FENCED')
    assert.equal(producer.init({ producerId: 1, producerEpoch: 1 }), 'PRODUCER_FENCED')
    producer.init()
    producer.add(0)
    assert.equal(producer.init(first), 'PRODUCER_FENCED', 'and cannot abort what its successor has open')
    assert.equal(producer.kind, 'Ongoing')
  })

  test('at the last epoch gives a new producer id, also to one that names the old and repeats', () => {
    for (const named of [false, true]) {
      const producer = exhausted(0)
      const last = producer.identity
      assert.equal(producer.init(named ? last : null), 'NONE')
      const next = producer.identity
      assert.notEqual(next.producerId, last.producerId)
      assert.equal(next.producerEpoch, 0)
      assert.equal(producer.init(last), named ? 'NONE' : 'PRODUCER_FENCED')
      assert.deepEqual(producer.identity, next)
    }
  })

  for (const version of [0, 2] as const) {
    test(`fences at the last epoch, and never gives out the epoch of that marker (version ${version})`, () => {
      const producer = exhausted(version)
      const last = producer.identity
      producer.add(0)
      assert.equal(producer.init(), 'CONCURRENT_TRANSACTIONS')
      assert.equal(producer.shell.markers[0]!.producerEpoch, PRODUCER_EPOCH_MAX + 1)
      producer.shell.deliver()
      assert.equal(producer.init(), 'NONE')
      assert.notEqual(producer.identity.producerId, last.producerId)
    })
  }

  test('that cannot be stored changes nothing', () => {
    const producer = SimulatedProducer.ready(0)
    producer.add(0)
    producer.shell.writeError = 'COORDINATOR_NOT_AVAILABLE'
    assert.equal(producer.init(), 'COORDINATOR_NOT_AVAILABLE')
    assert.equal(producer.kind, 'Ongoing')
    assert.equal(producer.commit(), 'NONE')
  })
})
