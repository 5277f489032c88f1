import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { SimulatedClients } from './simulated-clients.ts'

function twoJoined(clients: SimulatedClients): [leader: Joined, follower: Joined] {
  const requests = [clients.join(), clients.join()]
  clients.shell.advance(6_000)
  const [leader, follower] = requests.map(request => clients.joined(request))
  return [leader!, follower!]
}

type Joined = ReturnType<SimulatedClients['joined']>

describe('SyncGroup', () => {
  test('waits for the leader, whose assignment is stored before it is shown', () => {
    const clients = new SimulatedClients()
    const [leader, follower] = twoJoined(clients)
    const waiting = clients.sync(follower)
    assert.ok(clients.isWaiting(waiting))
    const leading = clients.sync(leader, { [leader.memberId]: 'one', [follower.memberId]: 'two', nobody: 'three' })
    assert.equal(clients.synced(waiting), 'two')
    assert.equal(clients.synced(leading), 'one')
    assert.equal(clients.kind, 'Stable')
    assert.deepEqual(
      clients.shell.record?.members.map(({ memberId, assignment }) => [memberId, new TextDecoder().decode(assignment)]),
      [
        [leader.memberId, 'one'],
        [follower.memberId, 'two'],
      ],
    )
    assert.equal(clients.shell.record?.leader, leader.memberId)
    assert.equal(clients.shell.record?.protocolName, 'range')
  })

  test('gives a member that the leader left out an empty assignment', () => {
    const clients = new SimulatedClients()
    const [leader, follower] = twoJoined(clients)
    clients.sync(leader, {})
    assert.equal(clients.synced(clients.sync(follower)), '')
  })

  test('in a stable group gives the assignment, as often as it is asked', () => {
    const clients = new SimulatedClients()
    const [a] = clients.form({})
    for (let i = 0; i < 2; i++) assert.equal(clients.synced(clients.sync(a!)), a!.memberId)
  })

  test('while members join is REBALANCE_IN_PROGRESS', () => {
    const clients = new SimulatedClients()
    const [a] = clients.form({})
    clients.join()
    assert.equal(clients.errorTo(clients.sync(a!)), 'REBALANCE_IN_PROGRESS')
  })

  test('of a stranger, of another generation or with another protocol is refused', () => {
    const clients = new SimulatedClients()
    assert.equal(clients.errorTo(clients.sync({ memberId: 'x', generation: 1 })), 'UNKNOWN_MEMBER_ID')
    const [a] = clients.form({})
    assert.equal(clients.errorTo(clients.sync({ memberId: 'x', generation: 1 })), 'UNKNOWN_MEMBER_ID')
    assert.equal(clients.errorTo(clients.sync({ ...a!, generation: 2 })), 'ILLEGAL_GENERATION')
    assert.equal(clients.errorTo(clients.sync(a!, {}, { name: 'sticky' })), 'INCONSISTENT_GROUP_PROTOCOL')
    assert.equal(clients.errorTo(clients.sync(a!, {}, { type: 'connect' })), 'INCONSISTENT_GROUP_PROTOCOL')
    assert.equal(clients.synced(clients.sync(a!, {}, { type: 'consumer', name: 'range' })), a!.memberId)
  })

  test('that replaces a waiting one of the same member sends the older away', () => {
    const clients = new SimulatedClients()
    const [leader, follower] = twoJoined(clients)
    const older = clients.sync(follower)
    const newer = clients.sync(follower)
    assert.equal(clients.errorTo(older), 'REBALANCE_IN_PROGRESS')
    clients.sync(leader, { [follower.memberId]: 'two' })
    assert.equal(clients.synced(newer), 'two')
  })

  test('that does not come within the rebalance timeout costs the member its place', () => {
    const clients = new SimulatedClients()
    const requests = [clients.join({ sessionTimeoutMs: 100_000 }), clients.join({ sessionTimeoutMs: 100_000 })]
    clients.shell.advance(6_000)
    const [leader, follower] = requests.map(request => clients.joined(request))
    clients.sync(leader!, {})
    clients.shell.advance(59_999)
    assert.equal(clients.heartbeat(follower!), 'NONE')
    clients.shell.advance(1)
    assert.equal(clients.heartbeat(follower!), 'UNKNOWN_MEMBER_ID')
    assert.equal(clients.heartbeat(leader!), 'REBALANCE_IN_PROGRESS')
  })

  test('of a leader that never comes ends with the others sent back to join', () => {
    const clients = new SimulatedClients()
    const requests = [clients.join({ sessionTimeoutMs: 100_000 }), clients.join()]
    clients.shell.advance(6_000)
    const waiting = clients.sync(clients.joined(requests[1]!))
    clients.shell.advance(59_999)
    assert.ok(clients.isWaiting(waiting), 'though its own session is over')
    clients.shell.advance(1)
    assert.equal(clients.errorTo(waiting), 'REBALANCE_IN_PROGRESS')
    assert.equal(clients.kind, 'PreparingRebalance')
  })

  test('whose assignment cannot be stored fails for all who wait, and they have to join again', () => {
    const clients = new SimulatedClients()
    const [leader, follower] = twoJoined(clients)
    const waiting = clients.sync(follower)
    clients.shell.writeError = 'NOT_COORDINATOR'
    const leading = clients.sync(leader, { [follower.memberId]: 'two' })
    assert.equal(clients.errorTo(waiting), 'NOT_COORDINATOR')
    assert.equal(clients.errorTo(leading), 'NOT_COORDINATOR')
    assert.equal(clients.kind, 'PreparingRebalance')
    assert.equal(clients.shell.record?.generation, 0)
  })
})

describe('Heartbeat', () => {
  test('is answered by state', () => {
    const clients = new SimulatedClients()
    assert.equal(clients.heartbeat({ memberId: 'x', generation: 1 }), 'UNKNOWN_MEMBER_ID')
    const [leader, follower] = twoJoined(clients)
    assert.equal(clients.heartbeat(follower), 'NONE', 'before the assignment')
    clients.sync(leader)
    assert.equal(clients.heartbeat(follower), 'NONE')
    assert.equal(clients.heartbeat({ ...follower, generation: 2 }), 'ILLEGAL_GENERATION')
    assert.equal(clients.heartbeat({ memberId: 'x', generation: 1 }), 'UNKNOWN_MEMBER_ID')
    assert.equal(clients.heartbeat({ ...follower, instanceId: 'one' }), 'UNKNOWN_MEMBER_ID')
    clients.join()
    assert.equal(clients.heartbeat(follower), 'REBALANCE_IN_PROGRESS')
    clients.leave({ memberId: leader.memberId }, { memberId: follower.memberId }, { memberId: 'client-3' })
    assert.equal(clients.heartbeat(follower), 'UNKNOWN_MEMBER_ID', 'in an empty group')
  })

  test('keeps a member alive, also while the others join', () => {
    const clients = new SimulatedClients()
    const [a] = clients.form({})
    clients.join()
    for (let i = 0; i < 5; i++) {
      clients.shell.advance(9_000)
      assert.equal(clients.heartbeat(a!), 'REBALANCE_IN_PROGRESS')
    }
  })

  test('leaves the group the very same object', () => {
    const clients = new SimulatedClients()
    const [a] = clients.form({})
    const before = clients.shell.state
    clients.heartbeat(a!)
    assert.equal(clients.shell.state, before)
  })
})
