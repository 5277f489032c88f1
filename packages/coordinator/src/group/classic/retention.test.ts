import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { bytesOf, SimulatedClients, subscribedTo } from './simulated-clients.ts'

const WEEK = 10_080 * 60_000

describe('OffsetDelete', () => {
  test('of a subscribed topic is GROUP_SUBSCRIBED_TO_TOPIC, of any other it deletes', () => {
    const clients = new SimulatedClients()
    const [a] = clients.form({ protocols: subscribedTo('a') })
    clients.commit(a!)
    clients.commit({ ...a!, offset: { topic: 'b' } })
    assert.equal(
      clients.deleteOffsets({ topic: 'b', partition: 0 }, { topic: 'a', partition: 0 }),
      'GROUP_SUBSCRIBED_TO_TOPIC',
    )
    assert.deepEqual([...clients.shell.offsets.keys()], ['a'])
  })

  test('deletes all from a group without members, and says nothing of offsets that are not there', () => {
    const clients = new SimulatedClients()
    clients.commit()
    assert.equal(clients.deleteOffsets({ topic: 'a', partition: 0 }, { topic: 'x', partition: 7 }), 'NONE')
    assert.equal(clients.shell.offsets.size, 0)
  })

  test('takes every topic for subscribed when the members cannot be understood', () => {
    const clients = new SimulatedClients()
    const [a] = clients.form({ protocols: [{ name: 'range', metadata: bytesOf('garbage') }] })
    clients.commit(a!)
    assert.equal(clients.deleteOffsets({ topic: 'b', partition: 0 }), 'GROUP_SUBSCRIBED_TO_TOPIC')
  })

  test('from members that are no consumers is NON_EMPTY_GROUP', () => {
    const clients = new SimulatedClients()
    clients.form({ protocolType: 'connect' })
    assert.equal(clients.deleteOffsets({ topic: 'a', partition: 0 }), 'NON_EMPTY_GROUP')
  })

  test('from a group that does not exist is GROUP_ID_NOT_FOUND', () => {
    assert.equal(new SimulatedClients().deleteOffsets({ topic: 'a', partition: 0 }), 'GROUP_ID_NOT_FOUND')
  })
})

describe('DeleteGroups', () => {
  test('refuses a group with members, and one that does not exist', () => {
    const clients = new SimulatedClients()
    assert.equal(clients.deleteGroup(), 'GROUP_ID_NOT_FOUND')
    const request = clients.join()
    assert.equal(clients.deleteGroup(), 'NON_EMPTY_GROUP')
    clients.shell.advance(3_000)
    assert.equal(clients.deleteGroup(), 'NON_EMPTY_GROUP')
    clients.sync(clients.joined(request))
    assert.equal(clients.deleteGroup(), 'NON_EMPTY_GROUP')
  })

  test('leaves nothing of an empty group, its pending ids included', () => {
    const clients = new SimulatedClients()
    const [a] = clients.form({})
    clients.commit(a!)
    clients.leave(a!)
    clients.join({ memberIdRequired: true })
    assert.equal(clients.deleteGroup(), 'NONE')
    assert.equal(clients.kind, 'Dead')
    assert.equal(clients.shell.record, null)
    assert.equal(clients.shell.offsets.size, 0)
    assert.equal(clients.shell.timers.size, 0)
  })
})

describe('offsets expire', () => {
  test('a week after the group became empty, however old they are, and the group with them', () => {
    const clients = new SimulatedClients()
    const [a] = clients.form({ sessionTimeoutMs: 1_000_000 })
    clients.commit(a!)
    clients.shell.advance(500_000)
    clients.leave(a!)
    clients.shell.advance(WEEK - 1)
    clients.expireOffsets()
    assert.equal(clients.shell.offsets.size, 1)
    clients.shell.advance(1)
    clients.expireOffsets()
    assert.equal(clients.shell.offsets.size, 0)
    assert.equal(clients.kind, 'Dead')
    assert.equal(clients.shell.record, null)
  })

  test('in a simple group a week after each commit', () => {
    const clients = new SimulatedClients()
    clients.commit()
    clients.shell.advance(1_000)
    clients.commit({ offset: { partition: 1 } })
    clients.shell.advance(WEEK - 1_000)
    clients.expireOffsets()
    assert.deepEqual([...clients.shell.offsets.get('a')!.keys()], [1])
    assert.equal(clients.kind, 'Empty')
    clients.shell.advance(1_000)
    clients.expireOffsets()
    assert.equal(clients.kind, 'Dead')
  })

  test('when the committer said so', () => {
    const clients = new SimulatedClients()
    clients.commit({ retentionTimeMs: 5_000 })
    clients.shell.advance(4_999)
    clients.expireOffsets()
    assert.equal(clients.shell.offsets.size, 1)
    clients.shell.advance(1)
    clients.expireOffsets()
    assert.equal(clients.shell.offsets.size, 0)
  })

  test('in a stable group only for topics that it does not subscribe to', () => {
    const clients = new SimulatedClients()
    const [a] = clients.form({ protocols: subscribedTo('a'), sessionTimeoutMs: 1_800_000 })
    clients.commit(a!)
    clients.commit({ ...a!, offset: { topic: 'b' } })
    for (let at = 0; at < WEEK; at += 1_200_000) {
      clients.shell.advance(1_200_000)
      assert.equal(clients.heartbeat(a!), 'NONE')
    }
    clients.expireOffsets()
    assert.deepEqual([...clients.shell.offsets.keys()], ['a'])
    assert.equal(clients.kind, 'Stable')
  })

  test('never where members are no consumers, or join', () => {
    const clients = new SimulatedClients({ offsetsRetentionMs: 0 })
    const [a] = clients.form({ protocolType: 'connect' })
    clients.commit(a!)
    clients.expireOffsets()
    assert.equal(clients.shell.offsets.size, 1)
    clients.join({ protocolType: 'connect' })
    clients.expireOffsets()
    assert.equal(clients.shell.offsets.size, 1)
  })

  test('and an empty group without offsets is gone at the next check', () => {
    const clients = new SimulatedClients()
    const [a] = clients.form({})
    clients.leave(a!)
    clients.expireOffsets()
    assert.equal(clients.kind, 'Dead')
  })
})
