import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { protocols, SimulatedClients } from './simulated-clients.ts'

describe('a static member that comes back without its id', () => {
  test('takes its place in a stable group without a rebalance', () => {
    const clients = new SimulatedClients()
    const [a, b] = clients.form({}, { instanceId: 'two' })
    const joined = clients.joined(clients.join({ instanceId: 'two' }))
    assert.equal(joined.memberId, 'two-3')
    assert.equal(joined.generation, 1)
    assert.equal(joined.skipAssignment, false)
    assert.equal(joined.leader, a!.memberId)
    assert.deepEqual(joined.members, [])
    assert.equal(clients.heartbeat(a!), 'NONE')
    assert.equal(clients.heartbeat(b!), 'FENCED_INSTANCE_ID')
    assert.equal(
      clients.synced(clients.sync({ memberId: 'two-3', instanceId: 'two', generation: 1 })),
      b!.memberId,
      'with its old assignment',
    )
    assert.deepEqual(
      clients.shell.record?.members.map(({ memberId }) => memberId),
      [a!.memberId, 'two-3'],
    )
  })

  test('and led gets the members and is told not to assign', () => {
    const clients = new SimulatedClients()
    clients.form({ instanceId: 'one' }, {})
    const joined = clients.joined(clients.join({ instanceId: 'one' }))
    assert.equal(joined.leader, joined.memberId)
    assert.equal(joined.skipAssignment, true)
    assert.equal(joined.members.length, 2)
    assert.equal(clients.shell.record?.leader, joined.memberId)
  })

  test('and led is told that its predecessor leads where it cannot be told not to assign', () => {
    const clients = new SimulatedClients()
    const [a] = clients.form({ instanceId: 'one' }, {})
    const joined = clients.joined(clients.join({ instanceId: 'one', supportsSkippingAssignment: false }))
    assert.equal(joined.leader, a!.memberId)
    assert.equal(joined.skipAssignment, false)
    assert.deepEqual(joined.members, [])
  })

  test('causes a rebalance if the chosen protocol changes with it', () => {
    const clients = new SimulatedClients()
    clients.form({ instanceId: 'one', protocols: protocols('range', 'sticky') })
    const request = clients.join({ instanceId: 'one', protocols: protocols('sticky', 'range') })
    const joined = clients.joined(request)
    assert.equal(joined.generation, 2)
    assert.equal(joined.protocolName, 'sticky')
  })

  test('starts another round if the assignment was not made yet', () => {
    const clients = new SimulatedClients()
    const requests = [clients.join({ instanceId: 'one' }), clients.join()]
    clients.shell.advance(6_000)
    const [one, other] = requests.map(request => clients.joined(request))
    const waiting = clients.sync(other!)
    const fenced = clients.join({ instanceId: 'one' })
    assert.equal(clients.errorTo(waiting), 'REBALANCE_IN_PROGRESS')
    clients.join({ memberId: other!.memberId })
    assert.equal(clients.joined(fenced).generation, 2)
    assert.equal(clients.heartbeat({ memberId: one!.memberId, generation: 2, instanceId: 'one' }), 'FENCED_INSTANCE_ID')
  })

  test('fences a predecessor that waits in its join', () => {
    const clients = new SimulatedClients()
    const older = clients.join({ instanceId: 'one' })
    const newer = clients.join({ instanceId: 'one' })
    assert.equal(clients.errorTo(older), 'FENCED_INSTANCE_ID')
    clients.shell.advance(3_000)
    assert.equal(clients.joined(newer).members.length, 1)
  })

  test('fences a predecessor that waits for its assignment', () => {
    const clients = new SimulatedClients()
    const requests = [clients.join(), clients.join({ instanceId: 'two' })]
    clients.shell.advance(6_000)
    const [, two] = requests.map(request => clients.joined(request))
    const waiting = clients.sync({ ...two!, instanceId: 'two' })
    clients.join({ instanceId: 'two' })
    assert.equal(clients.errorTo(waiting), 'FENCED_INSTANCE_ID')
  })

  test('is refused, and the predecessor stays, if the takeover cannot be stored', () => {
    const clients = new SimulatedClients()
    const [a] = clients.form({ instanceId: 'one' })
    clients.shell.writeError = 'COORDINATOR_NOT_AVAILABLE'
    assert.equal(clients.errorTo(clients.join({ instanceId: 'one' })), 'COORDINATOR_NOT_AVAILABLE')
    assert.equal(clients.heartbeat(a!), 'NONE')
  })
})

describe('a static member with its id', () => {
  test('that another has taken over is fenced in every request', () => {
    const clients = new SimulatedClients()
    const [a] = clients.form({ instanceId: 'one' })
    clients.join({ instanceId: 'one' })
    assert.equal(clients.errorTo(clients.join({ memberId: a!.memberId, instanceId: 'one' })), 'FENCED_INSTANCE_ID')
    assert.equal(clients.errorTo(clients.sync(a!)), 'FENCED_INSTANCE_ID')
    assert.equal(clients.heartbeat(a!), 'FENCED_INSTANCE_ID')
    assert.equal(clients.commit(a!), 'FENCED_INSTANCE_ID')
  })

  test('of an instance that is not there is unknown', () => {
    const clients = new SimulatedClients()
    const [a] = clients.form({})
    assert.equal(clients.errorTo(clients.join({ memberId: a!.memberId, instanceId: 'one' })), 'UNKNOWN_MEMBER_ID')
  })

  test('lapses after its session timeout like any other', () => {
    const clients = new SimulatedClients()
    clients.form({ instanceId: 'one' })
    clients.shell.advance(10_000)
    assert.equal(clients.kind, 'Empty')
  })
})
