import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { SimulatedClients } from './simulated-clients.ts'

describe('LeaveGroup', () => {
  test('answers for each member, and has the others join once', () => {
    const clients = new SimulatedClients()
    const [a, b, c] = clients.form({}, { instanceId: 'two' }, {})
    assert.deepEqual(
      clients.leave({ memberId: a!.memberId }, { instanceId: 'two' }, { memberId: 'x' }, { instanceId: 'x' }, {}),
      ['NONE', 'NONE', 'UNKNOWN_MEMBER_ID', 'UNKNOWN_MEMBER_ID', 'UNKNOWN_MEMBER_ID'],
    )
    assert.equal(clients.heartbeat(c!), 'REBALANCE_IN_PROGRESS')
    assert.equal(clients.heartbeat(b!), 'UNKNOWN_MEMBER_ID')
    const joined = clients.joined(clients.join({ memberId: c!.memberId }))
    assert.equal(joined.leader, c!.memberId, 'the leader left')
    assert.equal(joined.members.length, 1)
  })

  test('counts a member once, however often it is named', () => {
    const clients = new SimulatedClients()
    const [a] = clients.form({ instanceId: 'one' })
    assert.deepEqual(clients.leave({ memberId: a!.memberId }, { memberId: a!.memberId }, { instanceId: 'one' }), [
      'NONE',
      'UNKNOWN_MEMBER_ID',
      'UNKNOWN_MEMBER_ID',
    ])
  })

  test('of a member that was replaced is FENCED_INSTANCE_ID', () => {
    const clients = new SimulatedClients()
    const [a] = clients.form({ instanceId: 'one' })
    clients.join({ instanceId: 'one' })
    assert.deepEqual(clients.leave(a!), ['FENCED_INSTANCE_ID'])
  })

  test('of all members empties the group at once', () => {
    const clients = new SimulatedClients()
    const [a] = clients.form({})
    assert.deepEqual(clients.leave(a!), ['NONE'])
    assert.equal(clients.kind, 'Empty')
    assert.equal(clients.shell.record?.generation, 2)
    assert.equal(clients.shell.timers.size, 0)
  })

  test('of the last one that was missing completes the join phase', () => {
    const clients = new SimulatedClients()
    const [a, b] = clients.form({}, {})
    const waiting = clients.join({ memberId: a!.memberId })
    clients.leave(b!)
    assert.equal(clients.joined(waiting).members.length, 1)
  })

  test('of a member that waits in its join answers the join', () => {
    const clients = new SimulatedClients()
    const [a] = clients.form({}, {})
    const waiting = clients.join({ memberId: a!.memberId })
    clients.leave(a!)
    assert.equal(clients.errorTo(waiting), 'UNKNOWN_MEMBER_ID')
  })

  test('from a group that does not exist is UNKNOWN_MEMBER_ID for each', () => {
    const clients = new SimulatedClients()
    assert.deepEqual(clients.leave({ memberId: 'x' }, { memberId: 'y' }), ['UNKNOWN_MEMBER_ID', 'UNKNOWN_MEMBER_ID'])
  })

  test('of a pending id disturbs nobody', () => {
    const clients = new SimulatedClients()
    const [a] = clients.form({})
    clients.join({ memberIdRequired: true })
    assert.deepEqual(clients.leave({ memberId: 'client-2' }), ['NONE'])
    assert.equal(clients.heartbeat(a!), 'NONE')
  })

  test('goes through although the empty group cannot be stored', () => {
    const clients = new SimulatedClients()
    const [a] = clients.form({})
    clients.shell.writeError = 'NOT_COORDINATOR'
    assert.deepEqual(clients.leave(a!), ['NONE'])
    assert.equal(clients.kind, 'Empty')
    assert.equal(clients.shell.record?.generation, 1)
    clients.shell.restart()
    assert.equal(clients.kind, 'Stable', 'the older generation comes back')
    clients.shell.advance(10_000)
    assert.equal(clients.kind, 'Empty', 'and lapses')
  })
})
