import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { takeGuard } from '../transactions.ts'
import { SimulatedClients } from './simulated-clients.ts'

describe('OffsetCommit', () => {
  test('of nobody makes a simple group, which is listed as empty and has no record', () => {
    const clients = new SimulatedClients()
    assert.equal(clients.commit(), 'NONE')
    assert.equal(clients.kind, 'Empty')
    assert.equal(clients.shell.record, null)
    assert.deepEqual(clients.shell.offsets.get('a')?.get(0), {
      offset: 5,
      leaderEpoch: 1,
      metadata: 'm',
      commitTimestampMs: 1_000_000,
      expireTimestampMs: -1,
      topicId: null,
    })
    clients.shell.restart()
    assert.equal(clients.kind, 'Empty')
  })

  test('with a generation to a group that does not exist is refused as the version wants it', () => {
    const clients = new SimulatedClients()
    assert.equal(clients.commit({ memberId: 'x', generation: 1 }), 'GROUP_ID_NOT_FOUND')
    assert.equal(clients.commit({ memberId: 'x', generation: 1, supportsGroupIdNotFound: false }), 'ILLEGAL_GENERATION')
    assert.equal(clients.kind, 'Dead')
  })

  test('of nobody is only taken while the group is empty', () => {
    const clients = new SimulatedClients()
    const [a] = clients.form({})
    assert.equal(clients.commit(), 'UNKNOWN_MEMBER_ID')
    clients.leave(a!)
    assert.equal(clients.commit(), 'NONE')
    assert.equal(clients.commit({ memberId: 'x' }), 'NONE', 'whoever it says it is')
    assert.equal(clients.commit({ memberId: 'x', generation: 2 }), 'UNKNOWN_MEMBER_ID')
  })

  test('of a member is taken with the present generation only', () => {
    const clients = new SimulatedClients()
    const [a] = clients.form({})
    assert.equal(clients.commit(a!), 'NONE')
    assert.equal(clients.commit({ ...a!, generation: 2 }), 'ILLEGAL_GENERATION')
    assert.equal(clients.commit({ ...a!, generation: -1 }), 'ILLEGAL_GENERATION')
    assert.equal(clients.commit({ memberId: 'x', generation: 1 }), 'UNKNOWN_MEMBER_ID')
    assert.equal(clients.commit({ ...a!, instanceId: 'one' }), 'UNKNOWN_MEMBER_ID')
  })

  test('before the assignment is REBALANCE_IN_PROGRESS, but for a transaction', () => {
    const clients = new SimulatedClients()
    const request = clients.join()
    clients.shell.advance(3_000)
    const { memberId, generation } = clients.joined(request)
    assert.equal(clients.commit({ memberId, generation }), 'REBALANCE_IN_PROGRESS')
    const transaction = { producerId: 7, guard: takeGuard(clients.shell.transactions, 7) }
    assert.equal(clients.commit({ memberId, generation, transaction }), 'NONE')
    assert.equal(clients.commit({ transaction }), 'NONE', 'old transactions name nobody')
  })

  test('counts as a heartbeat, in a stable group and while members join', () => {
    const clients = new SimulatedClients()
    const [a] = clients.form({})
    clients.shell.advance(9_000)
    assert.equal(clients.commit(a!), 'NONE')
    clients.shell.advance(9_000)
    clients.join()
    assert.equal(clients.commit(a!), 'NONE')
    clients.shell.advance(9_000)
    assert.equal(clients.heartbeat(a!), 'REBALANCE_IN_PROGRESS')
  })

  test('with metadata over the limit refuses that partition alone', () => {
    const clients = new SimulatedClients()
    const partition = { topic: 'a', topicId: null, offset: 1, leaderEpoch: -1 }
    const offsets = [
      { ...partition, partition: 0, metadata: 'x'.repeat(4_097) },
      { ...partition, partition: 1, metadata: 'x'.repeat(4_096) },
      { ...partition, partition: 2, metadata: null },
    ]
    assert.equal(clients.commit({ offsets }), 'OFFSET_METADATA_TOO_LARGE')
    assert.deepEqual([...clients.shell.offsets.get('a')!.keys()], [1, 2])
    assert.equal(clients.shell.offsets.get('a')!.get(2)!.metadata, '')
  })

  test('that cannot be stored changes nothing', () => {
    const clients = new SimulatedClients()
    clients.shell.writeError = 'NOT_COORDINATOR'
    assert.equal(clients.commit(), 'NOT_COORDINATOR')
    assert.equal(clients.kind, 'Dead')
    assert.equal(clients.shell.offsets.size, 0)
  })
})
