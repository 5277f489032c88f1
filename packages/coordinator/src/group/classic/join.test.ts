import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { bytesOf, protocols, SimulatedClients } from './simulated-clients.ts'
import { membersOf } from './state.ts'

describe('the first round of an empty group', () => {
  test('waits for the initial rebalance delay', () => {
    const clients = new SimulatedClients()
    const request = clients.join()
    clients.shell.advance(2_999)
    assert.ok(clients.isWaiting(request))
    clients.shell.advance(1)
    const joined = clients.joined(request)
    assert.equal(joined.generation, 1)
    assert.equal(joined.leader, joined.memberId)
    assert.equal(joined.memberId, 'client-1')
    assert.equal(joined.protocolType, 'consumer')
    assert.equal(joined.protocolName, 'range')
    assert.equal(clients.kind, 'CompletingRebalance')
  })

  test('waits again for each newcomer, and at most the rebalance timeout', () => {
    const clients = new SimulatedClients()
    const first = clients.join({ rebalanceTimeoutMs: 10_000 })
    for (let i = 0; i < 3; i++) {
      clients.shell.advance(2_900)
      clients.join({ rebalanceTimeoutMs: 10_000 })
    }
    assert.equal(clients.shell.now, 1_008_700)
    clients.shell.advance(300)
    assert.ok(clients.isWaiting(first))
    clients.shell.advance(999)
    assert.ok(clients.isWaiting(first), 'three delays of 3 s and one of the remaining second')
    clients.shell.advance(1)
    assert.equal(clients.joined(first).members.length, 4)
  })

  test('is no longer than its delay when nobody else comes', () => {
    const clients = new SimulatedClients()
    const first = clients.join()
    clients.join()
    clients.shell.advance(3_000)
    assert.ok(clients.isWaiting(first))
    clients.shell.advance(3_000)
    assert.equal(clients.joined(first).members.length, 2)
  })

  test('stores the empty group before anyone is in it', () => {
    const clients = new SimulatedClients()
    clients.join()
    assert.deepEqual(clients.shell.record, {
      groupId: 'group',
      protocolType: '',
      generation: 0,
      protocolName: null,
      leader: null,
      currentStateTimestampMs: 1_000_000,
      members: [],
    })
  })
})

describe('a join', () => {
  test('with a session timeout out of bounds is INVALID_SESSION_TIMEOUT', () => {
    const clients = new SimulatedClients()
    assert.equal(clients.errorTo(clients.join({ sessionTimeoutMs: 5_999 })), 'INVALID_SESSION_TIMEOUT')
    assert.equal(clients.errorTo(clients.join({ sessionTimeoutMs: 1_800_001 })), 'INVALID_SESSION_TIMEOUT')
    assert.equal(clients.kind, 'Dead', 'and makes no group')
  })

  test('with a member id to a group that does not exist is UNKNOWN_MEMBER_ID', () => {
    const clients = new SimulatedClients()
    assert.equal(clients.errorTo(clients.join({ memberId: 'x' })), 'UNKNOWN_MEMBER_ID')
    assert.equal(clients.kind, 'Dead')
  })

  test('without protocols or protocol type is INCONSISTENT_GROUP_PROTOCOL', () => {
    const clients = new SimulatedClients()
    assert.equal(clients.errorTo(clients.join({ protocols: [] })), 'INCONSISTENT_GROUP_PROTOCOL')
    assert.equal(clients.errorTo(clients.join({ protocolType: '' })), 'INCONSISTENT_GROUP_PROTOCOL')
  })

  test('with nothing in common with the members is INCONSISTENT_GROUP_PROTOCOL', () => {
    const clients = new SimulatedClients()
    clients.form({ protocols: protocols('range', 'sticky') })
    assert.equal(clients.errorTo(clients.join({ protocols: protocols('other') })), 'INCONSISTENT_GROUP_PROTOCOL')
    assert.equal(clients.errorTo(clients.join({ protocolType: 'connect' })), 'INCONSISTENT_GROUP_PROTOCOL')
    assert.equal(clients.kind, 'Stable')
  })

  test('beyond group.max.size is GROUP_MAX_SIZE_REACHED', () => {
    const clients = new SimulatedClients({ groupSizeMax: 2 })
    clients.join()
    clients.join()
    assert.equal(clients.errorTo(clients.join()), 'GROUP_MAX_SIZE_REACHED')
    clients.shell.advance(10_000)
    assert.equal(clients.kind, 'CompletingRebalance')
    assert.equal(clients.errorTo(clients.join()), 'GROUP_MAX_SIZE_REACHED')
  })

  test('that replaces a waiting one of the same member sends the older away', () => {
    const clients = new SimulatedClients()
    const [a, b] = clients.form({}, {})
    const older = clients.join({ memberId: a!.memberId, protocols: protocols('range', 'sticky') })
    const newer = clients.join({ memberId: a!.memberId, protocols: protocols('range', 'sticky') })
    assert.equal(clients.errorTo(older), 'REBALANCE_IN_PROGRESS')
    clients.join({ memberId: b!.memberId })
    assert.equal(clients.joined(newer).generation, 2)
  })
})

describe('a member id', () => {
  test('is given first and has to be used where the version requires it', () => {
    const clients = new SimulatedClients()
    const first = clients.replyTo(clients.join({ memberIdRequired: true }))
    assert.deepEqual(first, { kind: 'joinRefused', error: 'MEMBER_ID_REQUIRED', memberId: 'client-1' })
    assert.equal(clients.kind, 'Empty')
    const second = clients.join({ memberId: 'client-1', memberIdRequired: true })
    clients.shell.advance(3_000)
    assert.equal(clients.joined(second).memberId, 'client-1')
  })

  test('that was never used lapses after the session timeout', () => {
    const clients = new SimulatedClients()
    clients.join({ memberIdRequired: true })
    clients.shell.advance(10_000)
    assert.equal(clients.errorTo(clients.join({ memberId: 'client-1' })), 'UNKNOWN_MEMBER_ID')
    assert.equal(clients.shell.timers.size, 0)
  })

  test('that is awaited holds up the join phase, until it comes, lapses or is given back', () => {
    const clients = new SimulatedClients()
    const [a] = clients.form({})
    clients.join({ memberIdRequired: true, clientId: 'late' })
    const rejoin = clients.join({ memberId: a!.memberId })
    assert.ok(clients.isWaiting(rejoin))
    assert.deepEqual(clients.leave({ memberId: 'late-2' }), ['NONE'])
    assert.equal(clients.joined(rejoin).generation, 2)

    clients.join({ memberIdRequired: true, clientId: 'lapsing', sessionTimeoutMs: 6_000 })
    const again = clients.join({ memberId: a!.memberId, protocols: protocols('range', 'x') })
    assert.ok(clients.isWaiting(again))
    clients.shell.advance(6_000)
    assert.equal(clients.joined(again).generation, 3)
  })

  test('of a static newcomer is made of its instance id, and needs no second request', () => {
    const clients = new SimulatedClients()
    const request = clients.join({ instanceId: 'one', memberIdRequired: true })
    clients.shell.advance(3_000)
    assert.equal(clients.joined(request).memberId, 'one-1')
  })

  test('is handed out no more often than the limit allows', () => {
    const clients = new SimulatedClients({ pendingMembersMax: 2 })
    for (let i = 0; i < 2; i++)
      assert.equal(clients.errorTo(clients.join({ memberIdRequired: true })), 'MEMBER_ID_REQUIRED')
    assert.equal(clients.errorTo(clients.join({ memberIdRequired: true })), 'GROUP_MAX_SIZE_REACHED')
  })
})

describe('a later round', () => {
  test('ends as soon as all members have joined, with the next generation and the leader alone knowing the members', () => {
    const clients = new SimulatedClients()
    const [a, b] = clients.form({}, {})
    const newcomer = clients.join()
    assert.equal(clients.heartbeat(a!), 'REBALANCE_IN_PROGRESS')
    const second = clients.join({ memberId: b!.memberId })
    assert.ok(clients.isWaiting(second))
    const first = clients.join({ memberId: a!.memberId })
    assert.deepEqual(
      clients.joined(first).members.map(({ memberId }) => memberId),
      ['client-1', 'client-2', 'client-3'],
    )
    assert.deepEqual(clients.joined(second).members, [])
    assert.deepEqual(clients.joined(newcomer).members, [])
    for (const request of [first, second, newcomer]) {
      assert.equal(clients.joined(request).leader, a!.memberId)
      assert.equal(clients.joined(request).generation, 2)
    }
  })

  test('drops dynamic members that do not come within the largest rebalance timeout, and elects another leader', () => {
    const clients = new SimulatedClients()
    const [a, b] = clients.form(
      { rebalanceTimeoutMs: 20_000 },
      { rebalanceTimeoutMs: 30_000, sessionTimeoutMs: 60_000 },
    )
    const newcomer = clients.join({ rebalanceTimeoutMs: 5_000 })
    for (let i = 0; i < 5; i++) {
      clients.shell.advance(5_000)
      clients.heartbeat(a!)
      clients.heartbeat(b!)
    }
    assert.ok(clients.isWaiting(newcomer))
    clients.shell.advance(5_000)
    const joined = clients.joined(newcomer)
    assert.equal(joined.leader, joined.memberId)
    assert.equal(joined.members.length, 1)
    assert.equal(clients.heartbeat(a!), 'UNKNOWN_MEMBER_ID')
  })

  test('keeps static members that do not come', () => {
    const clients = new SimulatedClients()
    clients.form({ instanceId: 'one', sessionTimeoutMs: 600_000 }, { sessionTimeoutMs: 600_000 })
    const newcomer = clients.join()
    clients.shell.advance(60_000)
    assert.deepEqual(
      clients.joined(newcomer).members.map(({ instanceId }) => instanceId),
      ['one', null],
    )
  })

  test('waits on while only static members are left and none has come', () => {
    const clients = new SimulatedClients()
    const [a] = clients.form({ instanceId: 'one', sessionTimeoutMs: 100_000 }, { sessionTimeoutMs: 200_000 })
    const leaver = membersOf(clients.shell.state).keys().toArray()[1]!
    assert.deepEqual(clients.leave({ memberId: leaver }), ['NONE'])
    clients.shell.advance(60_000)
    assert.equal(clients.kind, 'PreparingRebalance')
    assert.equal(clients.heartbeat(a!), 'REBALANCE_IN_PROGRESS')
    clients.shell.advance(100_000)
    assert.equal(clients.kind, 'Empty', 'its session ended')
  })
})

describe('a member that joins again', () => {
  test('in a stable group causes a rebalance if it leads', () => {
    const clients = new SimulatedClients()
    const [a, b] = clients.form({}, {})
    const leader = clients.join({ memberId: a!.memberId })
    assert.equal(clients.kind, 'PreparingRebalance')
    clients.join({ memberId: b!.memberId })
    assert.equal(clients.joined(leader).generation, 2)
  })

  test('in a stable group gets the round back if it follows and brings nothing new', () => {
    const clients = new SimulatedClients()
    const [, b] = clients.form({}, {})
    const joined = clients.joined(clients.join({ memberId: b!.memberId }))
    assert.equal(joined.generation, 1)
    assert.deepEqual(joined.members, [])
    assert.equal(clients.kind, 'Stable')
  })

  test('in a stable group causes a rebalance if it follows with other metadata', () => {
    const clients = new SimulatedClients()
    const [, b] = clients.form({}, {})
    const request = clients.join({ memberId: b!.memberId, protocols: [{ name: 'range', metadata: bytesOf('new') }] })
    assert.ok(clients.isWaiting(request))
    assert.equal(clients.kind, 'PreparingRebalance')
  })

  test('before the assignment gets the round back if it brings nothing new, with the members if it leads', () => {
    const clients = new SimulatedClients()
    const request = clients.join()
    clients.shell.advance(3_000)
    const again = clients.joined(clients.join({ memberId: clients.joined(request).memberId }))
    assert.deepEqual(again, clients.joined(request))
  })

  test('before the assignment starts another round if its metadata is new, and who waits for the assignment is sent back', () => {
    const clients = new SimulatedClients()
    const requests = [clients.join(), clients.join()]
    clients.shell.advance(6_000)
    const [a, b] = requests.map(request => clients.joined(request))
    const waiting = clients.sync(b!)
    clients.join({ memberId: a!.memberId, protocols: [{ name: 'range', metadata: bytesOf('new') }] })
    assert.equal(clients.errorTo(waiting), 'REBALANCE_IN_PROGRESS')
    assert.equal(clients.kind, 'PreparingRebalance')
  })
})

describe('time limits', () => {
  test('a newcomer that waits in its first join is dropped after five minutes', () => {
    const clients = new SimulatedClients()
    const [a] = clients.form({ rebalanceTimeoutMs: 1_000_000, sessionTimeoutMs: 1_000_000 })
    const newcomer = clients.join({ rebalanceTimeoutMs: 1_000_000 })
    clients.shell.advance(299_999)
    assert.ok(clients.isWaiting(newcomer), 'its session timeout does not count')
    clients.shell.advance(1)
    assert.equal(clients.errorTo(newcomer), 'UNKNOWN_MEMBER_ID')
    assert.equal(clients.heartbeat(a!), 'REBALANCE_IN_PROGRESS')
  })

  test('a member that waits in a later join does not lapse', () => {
    const clients = new SimulatedClients()
    const [a, b] = clients.form({}, { sessionTimeoutMs: 60_000 })
    const waiting = clients.join({ memberId: a!.memberId })
    clients.shell.advance(50_000)
    clients.join({ memberId: b!.memberId })
    assert.equal(clients.joined(waiting).members.length, 2)
  })

  test('a silent member lapses after its session timeout, and the others join again', () => {
    const clients = new SimulatedClients()
    const [a, b] = clients.form({}, { sessionTimeoutMs: 60_000 })
    clients.shell.advance(9_999)
    assert.equal(clients.kind, 'Stable')
    clients.shell.advance(1)
    assert.equal(clients.heartbeat(a!), 'UNKNOWN_MEMBER_ID')
    assert.equal(clients.heartbeat(b!), 'REBALANCE_IN_PROGRESS')
  })

  test('the last member that lapses leaves an empty group with another generation', () => {
    const clients = new SimulatedClients()
    clients.form({})
    clients.shell.advance(10_000)
    assert.equal(clients.kind, 'Empty')
    assert.equal(clients.shell.record?.generation, 2)
    assert.equal(clients.shell.record?.protocolType, 'consumer')
    assert.deepEqual(clients.shell.record?.members, [])
  })
})
