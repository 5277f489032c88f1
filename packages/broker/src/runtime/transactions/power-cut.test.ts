/**
 * Transactions over topics with `flush.messages=1` when the power goes, at one moment after the other: all of one or nothing, whatever was answered stands, and
 * nothing is left open. Logs and catalog are on one disk in memory that forgets and tears what was not synced.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { seededRandom, silentLogger, systemClock } from '@millrace/base'
import { OffsetCommit } from '@millrace/protocol'
import { type Catalog, openDiskEngine } from '@millrace/storage'
import { createTopic, openSimulatedCatalog, WireClient } from '@millrace/testkit'
import { FaultFileSystem } from '@millrace/testkit/fault-file-system'
import { type Broker, startBroker } from '../../broker.ts'
import { brokerConfigOf } from '../../config/load-broker-config.ts'
import { committedOffset, generations, read, TransactionalProducer } from '../../handlers/transaction-fixture.ts'

type Spoil = (catalog: Catalog) => Catalog

interface Machine {
  readonly client: WireClient
  end(): Promise<void>
}

/** A broker on the disk. `end` takes the process away, whatever it was about. */
async function boot(fs: FaultFileSystem, settings: Record<string, string>, spoil?: Spoil): Promise<Machine> {
  const died = new Promise<void>(resolve => (fs.onDeath = resolve))
  const owned = openSimulatedCatalog(fs, { durable: settings['millrace.durable'] === 'true' })
  const catalog = spoil?.(owned) ?? owned
  const engine = await openDiskEngine({ dirs: ['/data'], catalog, clock: systemClock, logger: silentLogger, fs })
  const config = brokerConfigOf({ listeners: 'PLAINTEXT://127.0.0.1:0', ...settings })
  const broker: Broker = await startBroker({ config, engine, logger: silentLogger })
  const client = await WireClient.connect({ port: [...broker.ports.values()][0]! })
  const end = async (): Promise<void> => {
    await client.close()
    await broker.stop().catch(() => {})
  }
  void died.then(() => client.close())
  return { client, end }
}

async function newDisk(): Promise<FaultFileSystem> {
  const fs = new FaultFileSystem()
  fs.makeFolder('/data')
  await fs.syncFolder('/')
  return fs
}

const PARTITIONS = [0, 1] as const
const TOPICS = ['a', 'b'] as const

/** Steps of the disk between two cuts. */
const CUT_EVERY = 167

/** What the client was told. */
interface Told {
  readonly committed: string[]
  readonly aborted: string[]
  producerId: number
  producerEpoch: number
  offset: number
}

async function work(producer: TransactionalProducer, told: Told): Promise<void> {
  for (let i = 0; i < 4; i++) {
    const isCommit = i !== 1
    const value = `v${i}`
    for (const topic of TOPICS)
      for (const partition of PARTITIONS) assert.equal(await producer.send(topic, [value], partition), 'NONE')
    assert.equal(await producer.sendOffset('g', 'a', i + 1), 'NONE')
    assert.equal(await producer.end(isCommit), 'NONE')
    ;(isCommit ? told.committed : told.aborted).push(value)
    if (isCommit) told.offset = i + 1
    Object.assign(told, { producerId: producer.producerId, producerEpoch: producer.producerEpoch })
  }
  assert.equal(await producer.init(), 'NONE')
}

async function check(client: WireClient, told: Told, what: string): Promise<void> {
  const successor = await TransactionalProducer.start(client, 'tx')
  if (successor.producerId === told.producerId)
    assert(
      successor.producerEpoch > told.producerEpoch,
      `${what}: epoch ${successor.producerEpoch} was given out again`,
    )
  const seen: string[][] = []
  for (const topic of TOPICS)
    for (const partition of PARTITIONS) {
      const { values, lastStableOffset, highWatermark } = await read(client, topic, { partition })
      assert.equal(lastStableOffset, highWatermark, `${what}: ${topic}-${partition} has a transaction that nobody ends`)
      seen.push([...values])
    }
  const [first] = seen
  for (const values of seen) assert.deepEqual(values, first, `${what}: torn`)
  for (const value of told.committed) assert(first!.includes(value), `${what}: ${value} was committed and is not there`)
  for (const value of told.aborted) assert(!first!.includes(value), `${what}: ${value} was aborted and is there`)
  const last = first!.length === 0 ? -1 : Number(first!.at(-1)!.slice(1)) + 1
  assert.equal(await committedOffset(client, 'g', 'a'), last, `${what}: the offset belongs to another transaction`)
}

/** Cuts the power after so many steps of the disk's work; false when all was done before. */
async function cutAt(steps: number, generation: (typeof generations)[number], spoil?: Spoil): Promise<boolean> {
  const fs = await newDisk()
  const settings = { 'log.flush.interval.messages': '1' }
  const machine = await boot(fs, settings, spoil)
  const told: Told = { committed: [], aborted: [], producerId: -1, producerEpoch: -1, offset: -1 }
  let isOver = false
  try {
    for (const topic of TOPICS) await createTopic(machine.client, topic, { partitions: PARTITIONS.length })
    const producer = await TransactionalProducer.start(machine.client, 'tx', { generation })
    fs.killAfter(steps)
    await work(producer, told)
    isOver = true
  } catch (fault) {
    if (!fs.isDead) throw fault
  }
  const left = fs.afterPowerCut(seededRandom(steps))
  await machine.end()
  const again = await boot(left, settings)
  try {
    await check(again.client, told, `power cut after ${steps} steps (${generation})`)
  } finally {
    await again.end()
  }
  return !isOver
}

for (const generation of generations)
  test(`with every record synced, a power cut tears no transaction and takes back nothing that was answered (${generation})`, {
    timeout: 120_000,
  }, async () => {
    let cuts = 0
    for (let steps = 1; await cutAt(steps, generation); steps += CUT_EVERY) cuts++
    assert(cuts > 20, `${cuts} cuts`)
  })

test('it would be noticed if decisions were not synced', { timeout: 120_000 }, async () => {
  const forgetful: Spoil = catalog => {
    const write = catalog.write.bind(catalog)
    catalog.write = changes => write(changes)
    return catalog
  }
  await assert.rejects(
    async () => {
      for (let steps = 1; await cutAt(steps, 'epochs', forgetful); steps += CUT_EVERY);
    },
    { name: 'AssertionError' },
  )
})

test('an epoch that the end of a transaction gave out is not given out again, though a power cut took that end', async () => {
  for (const count of [1, 5, 60, 70, 130]) {
    const fs = await newDisk()
    const machine = await boot(fs, {})
    await createTopic(machine.client, 'a')
    const zombie = await TransactionalProducer.start(machine.client, 'tx')
    for (let i = 0; i < count; i++) {
      assert.equal(await zombie.send('a', ['x']), 'NONE')
      assert.equal(await zombie.commit(), 'NONE')
    }
    const left = fs.afterPowerCut(seededRandom(count))
    await machine.end()
    const again = await boot(left, {})
    try {
      const successor = await TransactionalProducer.start(again.client, 'tx')
      assert.equal(successor.producerId, zombie.producerId)
      assert(
        successor.producerEpoch > zombie.producerEpoch,
        `${successor.producerEpoch}, ${zombie.producerEpoch} before`,
      )
      zombie.reconnect(again.client)
      assert.notEqual(await zombie.commit(), 'NONE')
      // From then on one follows the other again.
      const third = await TransactionalProducer.start(again.client, 'tx')
      assert.equal(third.producerEpoch, successor.producerEpoch + 1)
    } finally {
      await again.end()
    }
  }
})

const plainCommit = async (client: WireClient, offset: number): Promise<void> => {
  const { topics } = await client.request(OffsetCommit, 8, {
    groupId: 'plain',
    generationIdOrMemberEpoch: -1,
    memberId: '',
    topics: [{ name: 'a', partitions: [{ partitionIndex: 0, committedOffset: offset }] }],
  })
  assert.equal(topics[0]!.partitions[0]!.errorCode, 0)
}

for (const [what, settings] of [
  ['of a topic whose records are synced', { 'log.flush.interval.messages': '1' }],
  ['of a durable broker', { 'millrace.durable': 'true', 'log.flush.interval.messages': '1000000' }],
] as const)
  test(`committed offsets ${what} stay where they are in a power cut`, async () => {
    for (let seed = 1; seed <= 5; seed++) {
      const fs = await newDisk()
      const machine = await boot(fs, settings)
      await createTopic(machine.client, 'a')
      for (let offset = 1; offset <= 5; offset++) await plainCommit(machine.client, offset)
      const left = fs.afterPowerCut(seededRandom(seed))
      await machine.end()
      const again = await boot(left, settings)
      assert.equal(await committedOffset(again.client, 'plain', 'a'), 5)
      await again.end()
    }
  })
