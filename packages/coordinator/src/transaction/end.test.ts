import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { SimulatedProducer } from './simulated-producer.ts'
import { PRODUCER_EPOCH_MAX } from './state.ts'
import { describeTransaction } from './views.ts'

function open(version: 0 | 2): SimulatedProducer {
  const producer = SimulatedProducer.ready(version)
  producer.add(0)
  producer.addGroup('g')
  return producer
}

describe('EndTxn', () => {
  for (const version of [0, 2] as const) {
    test(`is answered when the decision is stored, and complete when all markers are written (version ${version})`, () => {
      const producer = open(version)
      assert.equal(producer.commit(), 'NONE')
      const { shell } = producer
      assert.equal(shell.record!.status, 'PrepareCommit')
      const [markers] = shell.markers
      assert.deepEqual([...markers!.partitions], [['t', new Set([0])]])
      assert.deepEqual([...markers!.groups], ['g'])
      assert.equal(markers!.committed, true)
      assert.equal(markers!.producerEpoch, version === 2 ? 1 : 0)
      const { producerId, producerEpoch } = markers!
      const some = { kind: 'markersWritten', producerId, producerEpoch, partitions: [], groups: [] } as const
      shell.apply({ ...some, groups: ['g'] })
      assert.equal(producer.kind, 'PrepareCommit')
      shell.apply({ ...some, producerEpoch: 99, partitions: [{ topic: 't', partition: 0 }] })
      assert.equal(producer.kind, 'PrepareCommit', 'late markers of another epoch are void')
      shell.apply({ ...some, partitions: [{ topic: 't', partition: 0 }] })
      assert.equal(producer.kind, 'CompleteCommit')
      assert.equal(shell.record!.status, 'CompleteCommit')
    })

    test(`that is decided is never decided again, whoever asks and whatever stops (version ${version})`, () => {
      const producer = open(version)
      producer.forgetting(() => producer.commit())
      const { shell } = producer
      assert.equal(producer.abort(), version === 2 ? 'CONCURRENT_TRANSACTIONS' : 'CONCURRENT_TRANSACTIONS')
      assert.equal(producer.init(), 'CONCURRENT_TRANSACTIONS')
      shell.advance(10_000_000)
      shell.restart()
      assert.equal(producer.kind, 'PrepareCommit')
      assert.equal(shell.markers.length, 1, 'all markers are written again')
      assert.equal(shell.markers[0]!.committed, true)
      shell.deliver()
      assert.equal(producer.kind, 'CompleteCommit')
    })

    test(`can be repeated, and not turned round (version ${version})`, () => {
      for (const [first, other] of [
        ['commit', 'abort'],
        ['abort', 'commit'],
      ] as const) {
        const producer = open(version)
        producer.forgetting(() => producer[first]())
        assert.equal(producer[first](), 'CONCURRENT_TRANSACTIONS')
        producer.shell.deliver()
        assert.equal(producer[other](), 'INVALID_TXN_STATE')
        assert.equal(
          producer.forgetting(() => producer[first]()),
          'NONE',
        )
        producer.shell.restart()
        assert.equal(producer[first](), 'NONE')
        assert.equal(producer.identity.producerEpoch, version === 2 ? 1 : 0, 'and tells the id and epoch again')
      }
    })

    test(`of another producer is refused (version ${version})`, () => {
      const producer = open(version)
      const { producerId } = producer.identity
      assert.equal(producer.commit({ producerId, producerEpoch: 7 }), 'PRODUCER_FENCED')
      assert.equal(producer.commit({ producerId: 7, producerEpoch: 0 }), 'INVALID_PRODUCER_ID_MAPPING')
      producer.abort()
      producer.shell.deliver()
      assert.equal(producer.commit({ producerId, producerEpoch: 7 }), 'PRODUCER_FENCED')
      assert.equal(producer.commit({ producerId: 7, producerEpoch: 0 }), 'INVALID_PRODUCER_ID_MAPPING')
      assert.equal(new SimulatedProducer(version).commit(), 'INVALID_PRODUCER_ID_MAPPING')
    })

    test(`whose decision cannot be stored can still end either way (version ${version})`, () => {
      const producer = open(version)
      producer.shell.writeError = 'COORDINATOR_NOT_AVAILABLE'
      assert.equal(producer.commit(), 'COORDINATOR_NOT_AVAILABLE')
      assert.equal(producer.shell.markers.length, 0)
      assert.equal(producer.abort(), 'NONE')
      assert.equal(producer.shell.markers[0]!.committed, false)
    })
  }

  test('of a transaction that never began is an error in the classic protocol', () => {
    const producer = SimulatedProducer.ready(0)
    assert.equal(producer.commit(), 'INVALID_TXN_STATE')
    assert.equal(producer.abort(), 'INVALID_TXN_STATE')
  })

  test('of a transaction that never began may with version 2 be an abort, which takes an epoch and one write', () => {
    const producer = SimulatedProducer.ready(2)
    assert.equal(producer.commit(), 'INVALID_TXN_STATE')
    for (let epoch = 1; epoch < 4; epoch++) {
      assert.equal(producer.abort(), 'NONE')
      assert.equal(producer.identity.producerEpoch, epoch)
      assert.equal(producer.kind, 'CompleteAbort')
      assert.equal(producer.shell.markers.length, 0)
    }
    producer.add(0)
    producer.commit()
    producer.shell.deliver()
    assert.equal(producer.commit(), 'INVALID_TXN_STATE')
    assert.equal(producer.abort(), 'NONE')
  })

  test('with version 2 is no repetition where a successor ended a classic one: it is fenced, and not given the identity', () => {
    const producer = SimulatedProducer.ready(2)
    const before = producer.identity
    producer.init()
    producer.version = 0
    producer.add(0)
    assert.equal(producer.abort(), 'NONE')
    producer.shell.deliver()
    producer.version = 2
    const { identity } = producer
    assert.equal(producer.abort(before), 'PRODUCER_FENCED')
    assert.deepEqual(producer.identity, identity)
  })

  test('in the name of the epoch beyond the last serves nobody, and breaks nothing', () => {
    const producer = SimulatedProducer.ready(0)
    for (let epoch = 0; epoch < PRODUCER_EPOCH_MAX; epoch++) producer.init()
    const { producerId } = producer.identity
    producer.add(0)
    producer.shell.advance(60_000)
    producer.shell.deliver()
    const beyond = { producerId, producerEpoch: PRODUCER_EPOCH_MAX + 1 }
    assert.equal(describeTransaction(producer.shell.state)!.producerEpoch, beyond.producerEpoch)
    assert.equal(producer.add(0, beyond), 'PRODUCER_FENCED')
    assert.equal(producer.abort(beyond), 'PRODUCER_FENCED')
    assert.equal(producer.abort(), 'PRODUCER_FENCED')
    assert.equal(producer.init(producer.identity), 'PRODUCER_FENCED')
    assert.equal(producer.init(), 'NONE')
    assert.equal(producer.identity.producerEpoch, 0)
  })

  test('at the last epoch gives version 2 a new producer id, which a repetition gets too', () => {
    const producer = SimulatedProducer.ready(2)
    for (let epoch = 0; epoch < PRODUCER_EPOCH_MAX; epoch++) producer.init()
    const last = producer.identity
    producer.add(0)
    producer.forgetting(() => producer.commit())
    const { shell } = producer
    assert.equal(shell.markers[0]!.producerId, last.producerId)
    assert.equal(shell.markers[0]!.producerEpoch, PRODUCER_EPOCH_MAX + 1)
    assert.equal(producer.commit(), 'CONCURRENT_TRANSACTIONS')
    shell.restart()
    shell.deliver()
    assert.equal(
      producer.forgetting(() => producer.abort()),
      'INVALID_TXN_STATE',
    )
    assert.equal(producer.commit(), 'NONE')
    assert.notEqual(producer.identity.producerId, last.producerId)
    assert.equal(producer.identity.producerEpoch, 0)
    producer.add(0)
    assert.equal(producer.commit(last), 'INVALID_PRODUCER_ID_MAPPING', 'but not in the transaction after that')
  })
})
