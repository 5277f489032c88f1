import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { type TopicPartition, topicPartitionKey } from '../../record.ts'
import type { Assignment, Assignor, AssignorInput, MemberSubscription } from './assignor.ts'
import { assignors } from './by-name.ts'
import { encodeStickyUserData } from './sticky-user-data.ts'

const member = (
  memberId: string,
  topics: readonly string[],
  owned: readonly TopicPartition[] = [],
  generationId = -1,
): MemberSubscription => ({
  memberId,
  groupInstanceId: null,
  topics,
  ownedPartitions: owned,
  generationId,
  userData: encodeStickyUserData({ partitions: owned, generationId }),
})

const of = (topic: string, ...partitions: number[]): TopicPartition[] =>
  partitions.map(partition => ({ topic, partition }))
const text = (partitions: readonly TopicPartition[] | undefined) =>
  (partitions ?? []).map(p => `${p.topic}${p.partition}`).join(' ')
const run = (
  assignor: Assignor,
  counts: Record<string, number>,
  members: readonly MemberSubscription[],
): Record<string, string> => {
  const assignment = assignor.assign({ partitionCounts: new Map(Object.entries(counts)), members })
  return Object.fromEntries([...assignment].map(([id, partitions]) => [id, text(partitions)]))
}

test('range gives each topic out in runs, the first members get one more', () => {
  const members = [member('b', ['s', 't']), member('a', ['s', 't'])]
  assert.deepEqual(run(assignors.range, { s: 3, t: 3 }, members), { a: 's0 s1 t0 t1', b: 's2 t2' })
})

test('round-robin deals all topics out in one row', () => {
  const members = [member('b', ['s', 't']), member('a', ['s', 't'])]
  assert.deepEqual(run(assignors.roundrobin, { s: 3, t: 3 }, members), { a: 's0 s2 t1', b: 's1 t0 t2' })
})

test('round-robin passes over members that do not subscribe', () => {
  const members = [member('a', ['s']), member('b', ['s', 't']), member('c', ['s', 't', 'u'])]
  assert.deepEqual(run(assignors.roundrobin, { s: 1, t: 2, u: 3 }, members), { a: 's0', b: 't0', c: 't1 u0 u1 u2' })
})

test('static members keep their place in the order whatever their member id', () => {
  const fixed = (memberId: string, groupInstanceId: string) => ({ ...member(memberId, ['t']), groupInstanceId })
  assert.deepEqual(run(assignors.range, { t: 2 }, [fixed('z', 'one'), fixed('a', 'two')]), { z: 't0', a: 't1' })
})

test('sticky keeps what everybody has when a member joins', () => {
  const members = [member('a', ['t'], of('t', 0, 1, 2), 1), member('b', ['t'], of('t', 3, 4, 5), 1), member('c', ['t'])]
  assert.deepEqual(run(assignors.sticky, { t: 6 }, members), { a: 't0 t1', b: 't3 t4', c: 't2 t5' })
})

test('cooperative-sticky gives a partition that moves to nobody at first', () => {
  const first = [member('a', ['t'], of('t', 0, 1, 2, 3), 1), member('b', ['t'])]
  assert.deepEqual(run(assignors['cooperative-sticky'], { t: 4 }, first), { a: 't0 t1', b: '' })
  const second = [member('a', ['t'], of('t', 0, 1), 2), member('b', ['t'], [], 2)]
  assert.deepEqual(run(assignors['cooperative-sticky'], { t: 4 }, second), { a: 't0 t1', b: 't2 t3' })
})

test('of two claims on a partition the one of the younger generation counts', () => {
  const members = [member('a', ['t'], of('t', 0, 1), 5), member('b', ['t'], of('t', 0, 1), 7)]
  const { a, b } = run(assignors.sticky, { t: 2 }, members)
  assert.deepEqual([a!.length, b!.length], [2, 2])
  const third = [member('a', ['t'], of('t', 0), 5), member('b', ['t'], of('t', 0), 7)]
  assert.deepEqual(run(assignors.sticky, { t: 1 }, third), { a: '', b: 't0' })
})

test('topics that do not exist are nobody’s', () => {
  for (const assignor of Object.values(assignors))
    assert.deepEqual(run(assignor, {}, [member('a', ['ghost'])]), { a: '' })
})

const topics = ['s', 't', 'u']

interface Group {
  readonly counts: readonly number[]
  readonly subscriptions: readonly (readonly string[])[]
}

const groups: fc.Arbitrary<Group> = fc.record({
  counts: fc.array(fc.integer({ min: 0, max: 12 }), { minLength: 3, maxLength: 3 }),
  subscriptions: fc.array(fc.subarray(topics, { minLength: 1 }), { minLength: 1, maxLength: 6 }),
})

const alike = groups.map(({ counts, subscriptions }) => ({ counts, subscriptions: subscriptions.map(() => topics) }))

const inputOf = ({ counts, subscriptions }: Group, owned?: Assignment, generationId = -1): AssignorInput => ({
  partitionCounts: new Map(topics.map((topic, at) => [topic, counts[at]!])),
  members: subscriptions.map((own, at) => member(`m${at}`, own, owned?.get(`m${at}`) ?? [], generationId)),
})

const flat = (assignment: Assignment): string[] =>
  [...assignment.values()].flat().map(({ topic, partition }) => topicPartitionKey(topic, partition))

const seed = Number(process.env.FC_SEED ?? 42)
const check = (property: fc.IProperty<unknown>): void =>
  void fc.assert(property as fc.IProperty<[unknown]>, { seed, numRuns: 300 })

for (const assignor of Object.values(assignors)) {
  test(`${assignor.name}: every partition with a subscriber has one owner, who subscribes to it`, () => {
    check(
      fc.property(groups, group => {
        const input = inputOf(group)
        const assignment = assignor.assign(input)
        const wanted = topics.filter(topic => group.subscriptions.some(own => own.includes(topic)))
        const expected = wanted.flatMap(topic =>
          Array.from({ length: input.partitionCounts.get(topic)! }, (_, partition) =>
            topicPartitionKey(topic, partition),
          ),
        )
        assert.deepEqual(flat(assignment).sort(), expected.sort())
        for (const { memberId, topics: own } of input.members)
          for (const { topic } of assignment.get(memberId)!) assert.ok(own.includes(topic))
      }),
    )
  })
}

for (const assignor of [assignors.roundrobin, assignors.sticky, assignors['cooperative-sticky']])
  test(`${assignor.name}: members with equal subscriptions differ by one partition at most`, () => {
    check(
      fc.property(alike, group => {
        const sizes = [...assignor.assign(inputOf(group)).values()].map(({ length }) => length)
        assert.ok(Math.max(...sizes) - Math.min(...sizes) <= 1)
      }),
    )
  })

for (const assignor of [assignors.sticky, assignors['cooperative-sticky']]) {
  test(`${assignor.name}: nobody could take a partition from someone who has two more`, () => {
    check(
      fc.property(groups, group => {
        const input = inputOf(group)
        const assignment = assignor.assign(input)
        for (const rich of input.members)
          for (const { topic } of assignment.get(rich.memberId)!)
            for (const poor of input.members.filter(other => other.topics.includes(topic)))
              assert.ok(assignment.get(rich.memberId)!.length - assignment.get(poor.memberId)!.length < 2)
      }),
    )
  })

  test(`${assignor.name}: nothing moves while nothing changes`, () => {
    check(
      fc.property(groups, group => {
        const first = assignor.assign(inputOf(group))
        const second = assignor.assign(inputOf(group, first, 1))
        assert.deepEqual(new Map(second), new Map(first))
      }),
    )
  })

  test(`${assignor.name}: when a member leaves, the others keep what they had`, () => {
    check(
      fc.property(alike, group => {
        const first = assignor.assign(inputOf(group))
        const left = { ...group, subscriptions: group.subscriptions.slice(0, -1) }
        if (left.subscriptions.length === 0) return
        const second = assignor.assign(inputOf(left, first, 1))
        for (const [id, partitions] of second)
          for (const kept of first.get(id)!)
            assert.ok(partitions.some(p => p.topic === kept.topic && p.partition === kept.partition))
      }),
    )
  })
}

test('cooperative-sticky: a partition is never given to a member while another holds it', () => {
  check(
    fc.property(groups, groups, (before, after) => {
      const held = assignors.sticky.assign(inputOf(before))
      const input = inputOf({ ...after, counts: before.counts }, held, 1)
      const holder = new Map(
        input.members.flatMap(({ memberId, ownedPartitions }) =>
          ownedPartitions.map(p => [topicPartitionKey(p.topic, p.partition), memberId]),
        ),
      )
      for (const [id, partitions] of assignors['cooperative-sticky'].assign(input))
        for (const { topic, partition } of partitions)
          assert.ok([undefined, id].includes(holder.get(topicPartitionKey(topic, partition))))
    }),
  )
})
