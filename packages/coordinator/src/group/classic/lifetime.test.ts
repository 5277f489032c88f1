import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { protocols, SimulatedClients } from './simulated-clients.ts'
import { absentGroup } from './state.ts'
import { describeGroup, listGroup } from './views.ts'

describe('after a restart', () => {
  test('members heartbeat, sync and commit on as if nothing had been', () => {
    const clients = new SimulatedClients()
    const [a, b] = clients.form({}, { instanceId: 'two' })
    clients.shell.restart()
    for (const member of [a!, b!]) {
      assert.equal(clients.heartbeat(member), 'NONE')
      assert.equal(clients.synced(clients.sync(member)), member.memberId)
      assert.equal(clients.commit(member), 'NONE')
    }
  })

  test('members that do not show themselves lapse', () => {
    const clients = new SimulatedClients()
    clients.form({}, {})
    clients.shell.restart()
    clients.shell.advance(10_000)
    assert.equal(clients.kind, 'Empty')
    assert.equal(clients.shell.record?.generation, 2)
  })

  test('a follower that joins again with what it had gets the round back', () => {
    const clients = new SimulatedClients()
    const [, b] = clients.form({}, {})
    clients.shell.restart()
    assert.equal(clients.joined(clients.join({ memberId: b!.memberId, protocols: protocols('range') })).generation, 1)
  })

  test('a round that was not assigned is as if it had not been', () => {
    const clients = new SimulatedClients()
    const [a] = clients.form({})
    const request = clients.join({ memberId: a!.memberId })
    assert.equal(clients.joined(request).generation, 2)
    clients.shell.restart()
    assert.equal(clients.heartbeat({ ...a!, generation: 2 }), 'ILLEGAL_GENERATION')
    assert.equal(clients.heartbeat(a!), 'NONE')
  })

  test('a group over a lowered group.max.size joins again, and the last to come are turned away', () => {
    const clients = new SimulatedClients()
    const [a, b] = clients.form({}, {})
    Object.assign(clients.shell.config, { groupSizeMax: 1 })
    clients.shell.restart()
    assert.equal(clients.heartbeat(a!), 'REBALANCE_IN_PROGRESS')
    const first = clients.join({ memberId: a!.memberId })
    assert.equal(clients.errorTo(clients.join({ memberId: b!.memberId })), 'GROUP_MAX_SIZE_REACHED')
    assert.equal(clients.joined(first).members.length, 1)
  })
})

describe('a group that this node gives up', () => {
  test('sends away who waits to join', () => {
    const clients = new SimulatedClients()
    const request = clients.join()
    clients.shell.apply({ kind: 'unload' })
    assert.equal(clients.errorTo(request), 'NOT_COORDINATOR')
    assert.equal(clients.shell.timers.size, 0)
  })

  test('sends away who waits for an assignment, and answers no more', () => {
    const clients = new SimulatedClients()
    const requests = [clients.join(), clients.join()]
    clients.shell.advance(6_000)
    const follower = clients.joined(requests[1]!)
    const waiting = clients.sync(follower)
    clients.shell.apply({ kind: 'unload' })
    assert.equal(clients.errorTo(waiting), 'NOT_COORDINATOR')
    assert.equal(clients.heartbeat(follower), 'COORDINATOR_NOT_AVAILABLE')
    assert.equal(clients.errorTo(clients.join()), 'COORDINATOR_NOT_AVAILABLE')
    assert.equal(clients.errorTo(clients.sync(follower)), 'COORDINATOR_NOT_AVAILABLE')
    assert.deepEqual(clients.leave(follower), ['COORDINATOR_NOT_AVAILABLE'])
    assert.equal(clients.commit(), 'COORDINATOR_NOT_AVAILABLE')
    assert.equal(clients.deleteGroup(), 'COORDINATOR_NOT_AVAILABLE')
  })
})

describe('a group is described', () => {
  test('with protocol and metadata once it is stable', () => {
    const clients = new SimulatedClients()
    const [a] = clients.form({ instanceId: 'one', clientId: 'c' })
    const described = describeGroup(clients.shell.state)
    assert.equal(described.state, 'Stable')
    assert.equal(described.protocolType, 'consumer')
    assert.equal(described.protocolName, 'range')
    assert.equal(described.members.length, 1)
    const [member] = described.members
    assert.equal(member!.memberId, a!.memberId)
    assert.equal(member!.instanceId, 'one')
    assert.equal(member!.clientId, 'c')
    assert.equal(member!.clientHost, '/127.0.0.1')
    assert.deepEqual(member!.metadata, protocols('range')[0]!.metadata)
    assert.equal(new TextDecoder().decode(member!.assignment), a!.memberId)
  })

  test('without them before', () => {
    const clients = new SimulatedClients()
    clients.join()
    const described = describeGroup(clients.shell.state)
    assert.equal(described.state, 'PreparingRebalance')
    assert.equal(described.protocolName, '')
    assert.equal(described.members[0]!.metadata.length, 0)
  })

  test('as Dead when it does not exist', () => {
    assert.deepEqual(describeGroup(absentGroup('g')), {
      groupId: 'g',
      state: 'Dead',
      protocolType: '',
      protocolName: '',
      members: [],
    })
  })

  test('and listed with its type', () => {
    const clients = new SimulatedClients()
    clients.commit()
    assert.deepEqual(listGroup(clients.shell.state), {
      groupId: 'group',
      protocolType: '',
      state: 'Empty',
      type: 'classic',
    })
  })
})
