import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { replayTransaction, transactionRecord } from './replay.ts'
import { SimulatedProducer } from './simulated-producer.ts'
import type { Living } from './state.ts'
import { describeTransaction, isListed } from './views.ts'

const DAY = 86_400_000

describe('a transaction that takes too long', () => {
  for (const version of [0, 2] as const) {
    test(`is aborted, and its producer locked out (version ${version})`, () => {
      const producer = SimulatedProducer.ready(version)
      producer.add(0)
      producer.shell.advance(30_000)
      producer.add(1)
      producer.shell.advance(29_999)
      assert.equal(producer.kind, 'Ongoing')
      producer.shell.advance(1)
      assert.equal(producer.kind, 'PrepareAbort')
      assert.equal(producer.shell.markers[0]!.producerEpoch, 1)
      producer.shell.deliver()
      assert.equal(producer.add(0), 'PRODUCER_FENCED')
      assert.equal(producer.commit(), version === 2 ? 'INVALID_TXN_STATE' : 'PRODUCER_FENCED')
      assert.equal(producer.init(producer.identity), version === 2 ? 'NONE' : 'PRODUCER_FENCED')
    })
  }

  test('is aborted later when the abort cannot be stored', () => {
    const producer = SimulatedProducer.ready(0)
    producer.add(0)
    producer.shell.writeError = 'NOT_COORDINATOR'
    producer.shell.advance(60_000)
    assert.equal(producer.kind, 'Ongoing')
    producer.shell.advance(10_000)
    assert.equal(producer.kind, 'PrepareAbort')
  })

  test('counts from its start, over a restart too', () => {
    const producer = SimulatedProducer.ready(0)
    producer.add(0)
    producer.shell.advance(50_000)
    producer.shell.restart()
    producer.shell.advance(10_000)
    assert.equal(producer.kind, 'PrepareAbort')
  })

  test('is aborted in time after a restart with a clock that was set back', () => {
    const producer = SimulatedProducer.ready(0)
    producer.shell.now += DAY
    producer.add(0)
    producer.shell.now -= DAY
    producer.shell.restart()
    producer.shell.advance(60_000)
    assert.equal(producer.kind, 'PrepareAbort')
  })
})

describe('a transactional id', () => {
  test('expires after a week without use, but never with a transaction', () => {
    const producer = SimulatedProducer.ready(0, { transactionTimeoutMsMax: 30 * DAY })
    producer.init(null, 30 * DAY)
    const { shell } = producer
    producer.add(0)
    shell.advance(8 * DAY)
    shell.apply({ kind: 'expireId' })
    producer.commit()
    shell.advance(8 * DAY)
    shell.apply({ kind: 'expireId' })
    assert.equal(producer.kind, 'PrepareCommit')
    shell.deliver()
    shell.advance(7 * DAY - 1)
    shell.apply({ kind: 'expireId' })
    assert.equal(producer.kind, 'CompleteCommit')
    shell.advance(1)
    shell.writeError = 'NOT_COORDINATOR'
    shell.apply({ kind: 'expireId' })
    assert.equal(producer.kind, 'CompleteCommit')
    shell.apply({ kind: 'expireId' })
    assert.equal(producer.kind, 'Dead')
    assert.equal(shell.record, null)
  })

  test('that this node gave up is asked for elsewhere', () => {
    const producer = SimulatedProducer.ready(0)
    producer.add(0)
    producer.shell.apply({ kind: 'unload' })
    assert.equal(producer.shell.timers.size, 0)
    assert.equal(producer.init(), 'NOT_COORDINATOR')
    assert.equal(producer.add(0), 'NOT_COORDINATOR')
    assert.deepEqual(producer.verify(), ['NOT_COORDINATOR'])
    assert.equal(producer.commit(), 'NOT_COORDINATOR')
  })

  test('comes back from its record in every state', () => {
    const producer = SimulatedProducer.ready(2)
    const seen = new Set<string>()
    const check = () => {
      const state = producer.shell.state as Living
      seen.add(state.kind)
      assert.deepEqual(replayTransaction(transactionRecord(state)), state)
    }
    for (const end of ['commit', 'abort'] as const) {
      check()
      producer.add(0)
      producer.addGroup('g')
      check()
      producer[end]()
      check()
      producer.shell.deliver()
      check()
    }
    assert.equal(seen.size, 6)
  })

  test('whose end cannot be stored although all markers are written is ended later', () => {
    for (const stop of [false, true]) {
      const producer = SimulatedProducer.ready(2)
      producer.add(0)
      producer.commit()
      const { shell } = producer
      shell.writeError = 'NOT_COORDINATOR'
      shell.deliver()
      assert.equal(producer.kind, 'PrepareCommit')
      if (stop) {
        shell.restart()
        shell.deliver()
      } else shell.advance(10_000)
      assert.equal(producer.kind, 'CompleteCommit')
    }
  })

  test('is described and listed by Kafka’s rules', () => {
    const producer = SimulatedProducer.ready(0)
    const { shell } = producer
    const listed = (filter: { states?: string[]; producerIds?: number[]; durationMs?: number }) =>
      isListed(
        shell.state,
        {
          states: new Set(filter.states),
          producerIds: new Set(filter.producerIds),
          durationMs: filter.durationMs ?? -1,
        },
        shell.now,
      )
    assert.ok(listed({ durationMs: 1_000 }), 'an id that never had a transaction is older than anything')
    producer.add(0)
    shell.advance(500)
    assert.ok(listed({ states: ['Ongoing'], producerIds: [producer.identity.producerId], durationMs: 499 }))
    assert.ok(!listed({ durationMs: 500 }))
    assert.ok(!listed({ states: ['Empty'] }))
    assert.ok(!listed({ states: ['Nonsense'] }))
    assert.ok(!listed({ producerIds: [7] }))
    const description = describeTransaction(shell.state)!
    assert.equal(description.state, 'Ongoing')
    assert.deepEqual([...description.partitions], [['t', new Set([0])]])
    assert.equal(describeTransaction(new SimulatedProducer(0).shell.state), undefined)
    assert.ok(
      !isListed(new SimulatedProducer(0).shell.state, { states: new Set(), producerIds: new Set(), durationMs: -1 }, 0),
    )
  })
})
