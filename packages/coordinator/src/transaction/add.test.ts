import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { SimulatedProducer } from './simulated-producer.ts'

describe('a transaction', () => {
  test('begins with the first partition or group, and is stored before that may be written to', () => {
    for (const begin of [(p: SimulatedProducer) => p.add(0), (p: SimulatedProducer) => p.addGroup('g')]) {
      const producer = SimulatedProducer.ready(0)
      producer.shell.writeError = 'NOT_COORDINATOR'
      assert.equal(begin(producer), 'NOT_COORDINATOR')
      assert.equal(producer.kind, 'Empty')
      assert.equal(begin(producer), 'NONE')
      assert.equal(producer.kind, 'Ongoing')
      assert.equal(producer.shell.record!.status, 'Ongoing')
    }
  })

  test('takes what it has already without a write', () => {
    const producer = SimulatedProducer.ready(0)
    producer.add(0)
    producer.addGroup('g')
    producer.shell.writeError = 'NOT_COORDINATOR'
    assert.equal(producer.add(0), 'NONE')
    assert.equal(producer.addGroup('g'), 'NONE')
  })

  test('is open to the present producer alone', () => {
    const producer = SimulatedProducer.ready(0)
    const { producerId } = producer.identity
    for (const open of [false, true]) {
      assert.equal(producer.add(0, { producerId, producerEpoch: 9 }), 'PRODUCER_FENCED')
      assert.equal(producer.add(0, { producerId: 1, producerEpoch: 0 }), 'INVALID_PRODUCER_ID_MAPPING')
      assert.deepEqual(producer.verify({ producerId, producerEpoch: 9 }), ['PRODUCER_FENCED'])
      assert.deepEqual(producer.verify({ producerId: 1, producerEpoch: 0 }), ['INVALID_PRODUCER_ID_MAPPING'])
      assert.equal(producer.add(0), 'NONE', `${open}`)
    }
    assert.equal(new SimulatedProducer(0).add(0), 'INVALID_PRODUCER_ID_MAPPING')
    assert.deepEqual(new SimulatedProducer(0).verify(), ['INVALID_PRODUCER_ID_MAPPING'])
  })

  test('takes nothing more once it is decided, and the next one waits for its markers', () => {
    const producer = SimulatedProducer.ready(2)
    producer.add(0)
    producer.commit()
    assert.equal(producer.add(1), 'CONCURRENT_TRANSACTIONS')
    assert.equal(producer.addGroup('g'), 'CONCURRENT_TRANSACTIONS')
    assert.deepEqual(producer.verify(), ['CONCURRENT_TRANSACTIONS'])
    producer.shell.deliver()
    assert.equal(producer.add(1), 'NONE')
  })

  test('does not grow without bounds', () => {
    const producer = SimulatedProducer.ready(0, { partitionsMax: 2 })
    assert.equal(producer.add(0), 'NONE')
    assert.equal(producer.addGroup('g'), 'NONE')
    assert.equal(producer.add(1), 'UNKNOWN_SERVER_ERROR')
    assert.equal(producer.addGroup('h'), 'UNKNOWN_SERVER_ERROR')
    assert.equal(producer.commit(), 'NONE')
    const none = SimulatedProducer.ready(0, { partitionsMax: 0 })
    assert.equal(none.add(0), 'UNKNOWN_SERVER_ERROR')
    assert.equal(none.kind, 'Empty')
  })
})

describe('verification', () => {
  test('tells what is in the open transaction, and changes nothing', () => {
    const producer = SimulatedProducer.ready(0)
    assert.deepEqual(producer.verify(), Array(3).fill('TRANSACTION_ABORTABLE'))
    producer.add(0)
    const { state } = producer.shell
    assert.deepEqual(producer.verify(), ['NONE', 'TRANSACTION_ABORTABLE', 'TRANSACTION_ABORTABLE'])
    assert.equal(producer.shell.state, state)
    producer.addGroup('g')
    assert.deepEqual(producer.verify(), ['NONE', 'TRANSACTION_ABORTABLE', 'NONE'])
    producer.commit()
    producer.shell.deliver()
    assert.deepEqual(producer.verify(), Array(3).fill('TRANSACTION_ABORTABLE'))
  })
})
