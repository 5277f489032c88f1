import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { type AssignorName, type Consumer, type ConsumerOptions, serdes, type TopicPartition } from '@millrace/client'
import { type ClusterUnderTest, clusterUnderTest, take } from './cluster-under-test.ts'

let cluster: ClusterUnderTest
before(async () => {
  cluster = await clusterUnderTest()
})
after(() => cluster[Symbol.asyncDispose]())

async function filled(count: number, partitions = 1): Promise<string> {
  const topic = await cluster.topic(partitions)
  const producer = cluster.producer()
  await producer.sendBatch(
    Array.from({ length: count }, (_, n) => ({ topic, partition: n % partitions, value: `${n}` })),
  )
  await producer.close()
  return topic
}

const text = { value: serdes.string }
const names = (partitions: readonly TopicPartition[]) => partitions.map(({ partition }) => partition).sort()

/** A member that reads in the background and tells what happens to it. */
class Member implements AsyncDisposable {
  readonly consumer: Consumer<Buffer, string>
  readonly seen: string[] = []
  readonly events: string[] = []
  #changed = Promise.withResolvers<void>()
  readonly #loop: Promise<void>

  constructor(topics: readonly string[] | RegExp, options: Partial<ConsumerOptions<Buffer, string>>) {
    this.consumer = cluster.consumer({ ...options, ...text })
    this.consumer.subscribe(topics, {
      onAssigned: partitions => this.#note(`+${names(partitions)}`),
      onRevoked: partitions => this.#note(`-${names(partitions)}`),
      onLost: partitions => this.#note(`!${names(partitions)}`),
    })
    this.#loop = this.#read()
    this.#loop.catch(error => this.#changed.reject(error))
  }

  get owned(): string {
    return names(this.consumer.assignment).join()
  }

  async until(what: () => boolean): Promise<void> {
    const deadline = AbortSignal.timeout(20_000)
    while (!what()) {
      if (deadline.aborted) throw new Error(`events: ${this.events.join(' ')}, owned: ${this.owned}`)
      await Promise.race([this.#changed.promise, new Promise(resolve => setTimeout(resolve, 10))])
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.consumer.close()
    await this.#loop
  }

  async #read(): Promise<void> {
    for await (const { value } of this.consumer) {
      this.seen.push(value!)
      this.#wake()
    }
  }

  #note(event: string): void {
    this.events.push(event)
    this.#wake()
  }

  #wake(): void {
    this.#changed.resolve()
    this.#changed = Promise.withResolvers<void>()
  }
}

test('a group goes on where it was committed', async () => {
  const topic = await filled(10)
  const groupId = cluster.name('group')
  const first = cluster.consumer({ ...text, groupId, autoCommit: false })
  first.subscribe([topic])
  assert.equal((await take(first, 4)).length, 4)
  await first.commit()
  assert.equal((await first.committed()).get(`${topic}-0`)!.offset, 4)
  await first.close()
  const second = cluster.consumer({ ...text, groupId })
  second.subscribe([topic])
  assert.deepEqual(
    (await take(second, 6)).map(({ offset }) => offset),
    [4, 5, 6, 7, 8, 9],
  )
})

test('an automatic commit leaves out the record that the loop broke off at', async () => {
  const topic = await filled(10)
  const groupId = cluster.name('group')
  const consumer = cluster.consumer({ groupId })
  consumer.subscribe([topic])
  await take(consumer, 4)
  await consumer.close()
  assert.equal((await cluster.admin.groups.offsets(groupId)).get(`${topic}-0`)!.offset, 3)
})

test('given offsets are committed as they are given', async () => {
  const topic = await filled(1)
  const consumer = cluster.consumer({ groupId: cluster.name('group') })
  consumer.assign([{ topic, partition: 0 }])
  await consumer.commit([{ topic, partition: 0, offset: 77, metadata: 'noted' }])
  const committed = (await consumer.committed()).get(`${topic}-0`)!
  assert.deepEqual([committed.offset, committed.metadata], [77, 'noted'])
})

for (const assignor of ['range', 'roundrobin', 'sticky', 'cooperative-sticky'] satisfies AssignorName[])
  test(`members share partitions with ${assignor}, and nothing is read twice or left out`, async () => {
    const topic = await filled(60, 6)
    const options = { groupId: cluster.name('group'), assignors: [assignor], autoCommitIntervalMs: 0 }
    const a = new Member([topic], options)
    await a.until(() => a.seen.length === 60)
    const b = new Member([topic], options)
    await b.until(() => b.owned.split(',').length === 3 && a.owned.split(',').length === 3)
    assert.deepEqual([...a.owned.split(','), ...b.owned.split(',')].sort(), ['0', '1', '2', '3', '4', '5'])
    const producer = cluster.producer()
    await producer.sendBatch(Array.from({ length: 60 }, (_, n) => ({ topic, partition: n % 6, value: `again ${n}` })))
    await a.until(() => a.seen.length + b.seen.length === 120)
    assert.equal(b.seen.length, 30)
    await b[Symbol.asyncDispose]()
    await a.until(() => a.owned === '0,1,2,3,4,5')
    await a[Symbol.asyncDispose]()
    assert.equal(new Set([...a.seen, ...b.seen]).size, 120)
  })

test('a cooperative member keeps what it keeps, and gives up only what moves', async () => {
  const topic = await filled(4, 4)
  const options = { groupId: cluster.name('group'), assignors: ['cooperative-sticky'] as const }
  await using a = new Member([topic], options)
  await a.until(() => a.owned === '0,1,2,3')
  await using b = new Member([topic], options)
  await b.until(() => b.owned.length === 3 && a.owned.length === 3)
  const revoked = a.events.filter(event => event.startsWith('-'))
  assert.equal(revoked.length, 1)
  assert.equal(revoked[0]!.slice(1), b.owned)
})

test('an eager member gives everything up before it gets its new share', async () => {
  const topic = await filled(4, 4)
  const options = { groupId: cluster.name('group'), assignors: ['range'] as const }
  await using a = new Member([topic], options)
  await a.until(() => a.owned === '0,1,2,3')
  await using b = new Member([topic], options)
  await b.until(() => b.owned === '2,3' || b.owned === '0,1')
  await a.until(() => a.owned.length === 3)
  assert.deepEqual(a.events.slice(0, 2), ['+0,1,2,3', '-0,1,2,3'])
})

test('a static member that restarts in time gets its partitions back without a rebalance', async () => {
  const topic = await filled(4, 4)
  const groupId = cluster.name('group')
  const options = (groupInstanceId: string) => ({ groupId, groupInstanceId, assignors: ['sticky'] as const })
  await using a = new Member([topic], options('a'))
  const b = new Member([topic], options('b'))
  await b.until(() => b.owned.length === 3 && a.owned.length === 3)
  const before = [a.events.length, b.owned]
  await b[Symbol.asyncDispose]()
  await using again = new Member([topic], options('b'))
  await again.until(() => again.owned.length === 3)
  assert.deepEqual([a.events.length, again.owned], before)
})

test('a second member with the same instance id fences the first', async () => {
  const topic = await filled(1)
  const options = { groupId: cluster.name('group'), groupInstanceId: 'only' }
  const first = cluster.consumer(options)
  first.subscribe([topic])
  await take(first, 1)
  const loop = take(first, 1)
  const second = cluster.consumer(options)
  second.subscribe([topic])
  const other = take(second, 1)
  await assert.rejects(loop, { code: 'FENCED_INSTANCE_ID' })
  await first.close()
  await other
})

test('a member that was thrown out loses its partitions, says so, and comes back', async () => {
  const topic = await filled(2, 2)
  const groupId = cluster.name('group')
  await using member = new Member([topic], { groupId })
  await member.until(() => member.owned === '0,1')
  const { members } = (await cluster.admin.groups.describe([groupId])).get(groupId)!
  await cluster.admin.groups.removeMembers(groupId, members)
  await member.until(() => member.events.length === 3)
  assert.deepEqual(member.events, ['+0,1', '!0,1', '+0,1'])
})

test('a program that works too long on a batch loses its partitions', async () => {
  const topic = await filled(2)
  const groupId = cluster.name('group')
  const consumer = cluster.consumer({ groupId, maxPollIntervalMs: 300, heartbeatIntervalMs: 50 })
  const events: string[] = []
  consumer.subscribe([topic], {
    onAssigned: () => void events.push('assigned'),
    onLost: () => void events.push('lost'),
  })
  let rounds = 0
  for await (const { offset } of consumer) {
    if (++rounds === 1) {
      const { groups } = cluster.admin
      while ((await groups.describe([groupId])).get(groupId)!.state !== 'Empty') await new Promise(setImmediate)
    }
    if (offset === 1) break
  }
  assert.deepEqual(events, ['assigned', 'lost', 'assigned'])
})

test('a pattern takes in topics that come later', async () => {
  const prefix = cluster.name('wanted')
  await cluster.admin.topics.create([{ name: `${prefix}.a` }, { name: `not-${prefix}.c` }])
  await using member = new Member(new RegExp(`${prefix}\\..`), {
    groupId: cluster.name('group'),
    metadataMaxAgeMs: 100,
  })
  await member.until(() => member.events.length === 1)
  await cluster.admin.topics.create([{ name: `${prefix}.b` }])
  await member.until(() => member.consumer.assignment.length === 2)
  await cluster.producer().send({ topic: `${prefix}.b`, value: 'late' })
  await member.until(() => member.seen.includes('late'))
  assert.deepEqual(member.consumer.assignment.map(({ topic }) => topic).sort(), [`${prefix}.a`, `${prefix}.b`])
})

test('partitions that a topic gains are read without a restart', async () => {
  const topic = await filled(1)
  await using member = new Member([topic], { groupId: cluster.name('group'), metadataMaxAgeMs: 100 })
  await member.until(() => member.owned === '0')
  await cluster.admin.topics.createPartitions([{ topic, count: 3 }])
  await member.until(() => member.owned === '0,1,2')
})

test('unsubscribing leaves the group, and another subscription joins it again', async () => {
  const [one, two] = [await filled(1), await filled(1)]
  const groupId = cluster.name('group')
  const consumer = cluster.consumer({ ...text, groupId })
  consumer.subscribe([one])
  assert.equal((await take(consumer, 1))[0]!.topic, one)
  await consumer.unsubscribe()
  assert.deepEqual(consumer.assignment, [])
  assert.equal((await cluster.admin.groups.describe([groupId])).get(groupId)!.state, 'Empty')
  consumer.subscribe([two])
  assert.equal((await take(consumer, 1))[0]!.topic, two)
})

test('what a listener throws is an error of the loop', async () => {
  const topic = await filled(1)
  const consumer = cluster.consumer({ groupId: cluster.name('group') })
  consumer.subscribe([topic], {
    onAssigned() {
      throw new Error('not today')
    },
  })
  await assert.rejects(take(consumer, 1), /not today/)
})

test('a group that cannot be joined is an error at once', async () => {
  const topic = await filled(1)
  const consumer = cluster.consumer({ groupId: cluster.name('group'), sessionTimeoutMs: 2_000_000 })
  consumer.subscribe([topic])
  await assert.rejects(take(consumer, 1), { code: 'INVALID_SESSION_TIMEOUT' })
})
