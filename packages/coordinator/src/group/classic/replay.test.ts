import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { GroupRecord, MemberRecord } from '../record.ts'
import { groupRecord, replay } from './replay.ts'
import { bytesOf, SimulatedClients } from './simulated-clients.ts'
import { subscriptionMetadata } from './simulation.ts'

const member: MemberRecord = {
  memberId: 'm',
  instanceId: null,
  clientId: 'c',
  clientHost: '/127.0.0.1',
  rebalanceTimeoutMs: 60_000,
  sessionTimeoutMs: 10_000,
  subscription: subscriptionMetadata(['a']),
  assignment: bytesOf('x'),
}

const record: GroupRecord = {
  groupId: 'group',
  protocolType: 'consumer',
  generation: 7,
  protocolName: 'range',
  leader: 'm',
  currentStateTimestampMs: 5,
  members: [member],
}

describe('replay', () => {
  test('gives back what was stored', () => {
    const state = replay(record)
    assert.equal(state.kind, 'Stable')
    assert.deepEqual(groupRecord(state), record)
    assert.deepEqual(state.subscribedTopics, new Set(['a']))
  })

  test('gives back an empty group, whose offsets count from when it became empty', () => {
    const state = replay({ ...record, protocolName: null, leader: null, members: [] })
    assert.equal(state.kind, 'Empty')
    assert.equal(state.stateTimestampMs, 5)
    assert.deepEqual(state.subscribedTopics, new Set())
  })

  test('takes the session timeout where an old record has no rebalance timeout', () => {
    const state = replay({ ...record, members: [{ ...member, rebalanceTimeoutMs: -1 }] })
    assert.equal(state.kind === 'Stable' && state.members.get('m')?.rebalanceTimeoutMs, 10_000)
  })

  test('lets a member lead where the record names none', () => {
    for (const leader of [null, 'gone']) {
      const state = replay({ ...record, leader })
      assert.equal(state.kind === 'Stable' && state.leader, 'm')
    }
  })

  test('knows only the protocol that was chosen, so a newcomer needs it', () => {
    const clients = new SimulatedClients()
    clients.shell.record = record
    clients.shell.restart()
    const other = { name: 'sticky', metadata: bytesOf('') }
    assert.equal(clients.errorTo(clients.join({ protocols: [other] })), 'INCONSISTENT_GROUP_PROTOCOL')
    assert.ok(clients.isWaiting(clients.join({ protocols: [other, { name: 'range', metadata: bytesOf('') }] })))
  })
})
