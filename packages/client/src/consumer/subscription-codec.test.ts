import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  cooperativeOwned,
  encodeCooperativeUserData,
  encodeStickyUserData,
  stickyOwned,
} from './assignors/sticky-user-data.ts'
import { decodeAssignment, decodeSubscription, encodeAssignment, encodeSubscription } from './subscription-codec.ts'

const partitions = [
  { topic: 'a', partition: 0 },
  { topic: 'a', partition: 2 },
  { topic: 'b', partition: 1 },
]
const nobody = { memberId: 'm', groupInstanceId: null }

test('a subscription says what it was made of', () => {
  const metadata = encodeSubscription({
    topics: ['b', 'a'],
    userData: Buffer.from('x'),
    owned: { partitions, generationId: 4 },
    rackId: 'r1',
  })
  const { topics, userData, ownedPartitions, generationId } = decodeSubscription({ ...nobody, metadata })
  assert.deepEqual([topics, userData?.toString(), ownedPartitions, generationId], [['a', 'b'], 'x', partitions, 4])
})

test('a subscription of the oldest version is read, and one of a version to come as far as it is known', () => {
  const oldest = Buffer.from('0000000000010001610000000178', 'hex')
  assert.deepEqual(decodeSubscription({ ...nobody, metadata: oldest }).topics, ['a'])
  const newer = encodeSubscription({
    topics: ['a'],
    userData: null,
    owned: { partitions: [], generationId: 1 },
    rackId: '',
  })
  newer.writeInt16BE(9)
  assert.equal(decodeSubscription({ ...nobody, metadata: Buffer.concat([newer, Buffer.from('more')]) }).generationId, 1)
})

test('an assignment says what it was made of, and no bytes are no partitions', () => {
  assert.deepEqual(decodeAssignment(encodeAssignment(partitions)), partitions)
  assert.deepEqual(decodeAssignment(Buffer.alloc(0)), [])
})

test('what a sticky assignor remembers is in the form of Kafka’s own, generation last', () => {
  const userData = encodeStickyUserData({ partitions: [{ topic: 'a', partition: 2 }], generationId: 5 })
  assert.equal(userData.toString('hex'), `00000001${'000161'}${'00000001'}${'00000002'}${'00000005'}`)
  const member = { ...nobody, topics: [], ownedPartitions: [], generationId: -1, userData }
  assert.deepEqual(stickyOwned(member), { partitions: [{ topic: 'a', partition: 2 }], generationId: 5 })
  assert.deepEqual(stickyOwned({ ...member, userData: userData.subarray(0, -4) }).generationId, -1)
  assert.deepEqual(stickyOwned({ ...member, userData: Buffer.from('junk') }).partitions, [])
})

test('the generation of a cooperative member comes from its subscription, or from its user data', () => {
  const member = {
    ...nobody,
    topics: [],
    ownedPartitions: partitions,
    userData: encodeCooperativeUserData({ partitions, generationId: 3 }),
  }
  assert.equal(cooperativeOwned({ ...member, generationId: -1 }).generationId, 3)
  assert.equal(cooperativeOwned({ ...member, generationId: 6 }).generationId, 6)
})
