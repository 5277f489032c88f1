import assert from 'node:assert/strict'
import { after, afterEach, before, test } from 'node:test'
import { type ExactlyOnceOptions, KafkaError, runExactlyOnce, serdes } from '@millrace/client'
import { EndTxn, Fetch, Produce, TxnOffsetCommit } from '@millrace/protocol'
import { type ClusterUnderTest, clusterUnderTest } from './cluster-under-test.ts'
import { KillableBroker } from './killable-broker.ts'
import { valuesIn } from './transaction-readers.ts'
import { UnreliableProxy } from './unreliable-proxy.ts'

let cluster: ClusterUnderTest
before(async () => {
  cluster = await clusterUnderTest()
})
after(() => cluster[Symbol.asyncDispose]())

type Options = ExactlyOnceOptions<Buffer, string, string, string>

const PARTITIONS = 4

const running = new Set<Copier>()
afterEach(async () => {
  for (const copier of running) await copier.stop().catch(() => {})
})

/** A loop that runs until it is told to stop, and counts what it has read. */
class Copier {
  readonly #stop = new AbortController()
  readonly aborted: unknown[] = []
  readonly done: Promise<void>
  recordCount = 0
  #changed = Promise.withResolvers<void>()

  constructor(from: string, to: string, options: Partial<Options>) {
    const { transform, ...others } = options
    this.done = runExactlyOnce<Buffer, string, string, string>({
      bootstrap: cluster.bootstrap,
      retryBackoffMs: 5,
      groupId: `copy-${from}`,
      transactionalId: cluster.name('copier'),
      topics: [from],
      consumer: { value: serdes.string, heartbeatIntervalMs: 100, batchRecordsMax: 20, fetchMaxWaitMs: 50 },
      producer: { value: serdes.string },
      transactionMs: 20,
      transform: (batch, transaction) => {
        this.recordCount += batch.records.length
        this.#changed.resolve()
        this.#changed = Promise.withResolvers()
        if (transform !== undefined) return transform(batch, transaction)
        return batch.records.map(({ value }) => ({ topic: to, partition: batch.partition, value }))
      },
      onAborted: error => this.aborted.push(error),
      signal: this.#stop.signal,
      ...others,
    })
    running.add(this)
    this.done.catch(() => {}).finally(() => running.delete(this))
  }

  async until(recordCount: number): Promise<void> {
    while (this.recordCount < recordCount && running.has(this)) await Promise.race([this.#changed.promise, this.done])
  }

  stop(): Promise<void> {
    this.#stop.abort()
    return this.done
  }
}

const numbers = (count: number, from = 0): string[] => Array.from({ length: count }, (_, n) => `${from + n}`)
const sorted = (values: readonly string[]): string[] => [...values].sort((a, b) => Number(a) - Number(b))

async function fill(topic: string, values: readonly string[], at = cluster): Promise<void> {
  await using producer = at.producer<string, string>({ value: serdes.string })
  await producer.sendBatch(values.map(value => ({ topic, partition: Number(value) % PARTITIONS, value })))
}

async function topics(): Promise<[string, string]> {
  return [await cluster.topic(PARTITIONS), await cluster.topic(PARTITIONS)]
}

/** Waits for the group to have committed everything of the topic. */
async function caughtUp(groupId: string, topic: string, at = cluster): Promise<void> {
  const all = Array.from({ length: PARTITIONS }, (_, partition) => ({ topic, partition }))
  const ends = await at.admin.offsets.list(all.map(where => ({ ...where, at: 'latest' as const })))
  const deadline = AbortSignal.timeout(30_000)
  for (;;) {
    const committed = await at.admin.groups.offsets(groupId).catch((error: unknown) => {
      if (error instanceof KafkaError && error.retriable) return new Map<string, { offset: number }>()
      throw error
    })
    const left = all.filter(({ partition }) => {
      const { offset } = ends.get(`${topic}-${partition}`)!
      return offset > 0 && committed.get(`${topic}-${partition}`)?.offset !== offset
    })
    if (left.length === 0) return
    assert.equal(deadline.aborted, false, `not committed: ${left.map(({ partition }) => partition)}`)
    await new Promise(resolve => setTimeout(resolve, 20))
  }
}

test('each record is read and its result is there once; stopping commits what was read', async () => {
  const [from, to] = await topics()
  await fill(from, numbers(400))
  const copier = new Copier(from, to, { transactionRecordsMax: 50 })
  await caughtUp(`copy-${from}`, from)
  await fill(from, numbers(10, 400))
  await copier.until(410)
  await copier.stop()
  await caughtUp(`copy-${from}`, from)
  assert.deepEqual(sorted(await valuesIn(cluster, to, { partitions: PARTITIONS })), numbers(410))
  assert.equal(copier.recordCount, 410)
  assert.deepEqual(copier.aborted, [])
})

test('what transform throws ends the loop, and nothing of its transaction is seen', async () => {
  const [from, to] = await topics()
  await fill(from, numbers(100))
  const copier = new Copier(from, to, {
    transform: async ({ records, partition }, transaction) => {
      await transaction.sendBatch(records.map(({ value }) => ({ topic: to, partition, value })))
      if (records.some(({ value }) => value === '70')) throw new Error('not this one')
    },
  })
  await assert.rejects(copier.done, /not this one/)
  assert.equal((await valuesIn(cluster, to, { partitions: PARTITIONS })).includes('70'), false)
  const next = new Copier(from, to, {})
  await caughtUp(`copy-${from}`, from)
  await next.stop()
  assert.deepEqual(sorted(await valuesIn(cluster, to, { partitions: PARTITIONS })), numbers(100))
})

test('a result that cannot be written ends the loop with the reason', async () => {
  const [from, to] = await topics()
  await fill(from, numbers(4))
  const copier = new Copier(from, to, {
    transform: () => [{ topic: to, value: 'x'.repeat(2_000_000) }],
  })
  await assert.rejects(copier.done, { code: 'MESSAGE_TOO_LARGE' })
})

test('the second instance with the same transactional id makes the first give up', async () => {
  const [from, to] = await topics()
  await fill(from, numbers(40))
  const transactionalId = cluster.name('same')
  const first = new Copier(from, to, { transactionalId })
  await caughtUp(`copy-${from}`, from)
  const second = new Copier(from, to, { transactionalId })
  const gaveUp = assert.rejects(first.done, { category: 'application-recoverable' })
  let filled = 40
  // The first one notices when it writes again; the group may have given everything to the second meanwhile.
  const ended = first.done.catch(() => true)
  while ((await Promise.race([ended, new Promise(resolve => setTimeout(resolve, 50, false))])) !== true) {
    await fill(from, numbers(4, filled))
    filled += 4
  }
  await gaveUp
  await caughtUp(`copy-${from}`, from)
  await second.stop()
  assert.deepEqual(sorted(await valuesIn(cluster, to, { partitions: PARTITIONS })), numbers(filled))
})

for (const assignors of [['range'], ['cooperative-sticky']] as const)
  test(`instances come and go (${assignors}), and each record's result is there once`, async () => {
    const [from, to] = await topics()
    const consumer = {
      value: serdes.string,
      heartbeatIntervalMs: 50,
      batchRecordsMax: 5,
      fetchMaxWaitMs: 20,
      assignors,
    }
    const filling = (async () => {
      for (let n = 0; n < 40; n++) await fill(from, numbers(20, n * 20))
    })()
    const first = new Copier(from, to, { consumer })
    await first.until(60)
    const second = new Copier(from, to, { consumer })
    await second.until(60)
    const third = new Copier(from, to, { consumer })
    await first.stop()
    await filling
    await third.stop()
    await caughtUp(`copy-${from}`, from)
    await second.stop()
    assert.deepEqual(sorted(await valuesIn(cluster, to, { partitions: PARTITIONS })), numbers(800))
  })

test('an instance that is too slow loses its partitions, and what it was about to commit is refused', async () => {
  const [from, to] = await topics()
  await fill(from, numbers(20))
  let isHeld = true
  const release = Promise.withResolvers<void>()
  const slow = new Copier(from, to, {
    consumer: { value: serdes.string, heartbeatIntervalMs: 50, maxPollIntervalMs: 1000 },
    transform: async ({ records, partition }) => {
      if (isHeld) await release.promise
      return records.map(({ value }) => ({ topic: to, partition, value }))
    },
  })
  await slow.until(1)
  const other = new Copier(from, to, {})
  await caughtUp(`copy-${from}`, from)
  isHeld = false
  release.resolve()
  await fill(from, numbers(20, 20))
  await caughtUp(`copy-${from}`, from)
  await Promise.all([slow.stop(), other.stop()])
  assert.ok(slow.aborted.length > 0)
  assert.deepEqual(sorted(await valuesIn(cluster, to, { partitions: PARTITIONS })), numbers(40))
})

test('answers that get lost change nothing', async () => {
  const [from, to] = await topics()
  await fill(from, numbers(400))
  await using proxy = await UnreliableProxy.open(cluster.bootstrap)
  const copier = new Copier(from, to, { bootstrap: proxy.bootstrap, transactionRecordsMax: 20 })
  for (const { key } of [Produce, TxnOffsetCommit, EndTxn, Fetch]) {
    const { cuts } = proxy
    proxy.cutAnswers(key, 3)
    const deadline = AbortSignal.timeout(10_000)
    while (proxy.cuts < cuts + 2 && !deadline.aborted) {
      await fill(from, [])
      await new Promise(resolve => setTimeout(resolve, 5))
      if (copier.recordCount >= 400) break
    }
  }
  proxy.cutAnswers(-1, 1)
  await caughtUp(`copy-${from}`, from)
  await copier.stop()
  assert.ok(proxy.cuts > 0)
  assert.deepEqual(sorted(await valuesIn(cluster, to, { partitions: PARTITIONS })), numbers(400))
})

test('a broker that is killed and started again changes nothing', async () => {
  await using broker = await KillableBroker.start()
  await using killable = await clusterUnderTest(broker.bootstrap)
  const [from, to] = [await killable.topic(PARTITIONS), await killable.topic(PARTITIONS)]
  const { bootstrap } = broker
  const copiers = [1, 2].map(
    () =>
      new Copier(from, to, {
        bootstrap,
        retryBackoffMaxMs: 50,
        consumer: { value: serdes.string, heartbeatIntervalMs: 100, batchRecordsMax: 5, fetchMaxWaitMs: 50 },
      }),
  )
  const total = (): number => copiers[0]!.recordCount + copiers[1]!.recordCount
  for (let n = 0; n < 4; n++) {
    await fill(from, numbers(100, n * 100), killable)
    while (total() < n * 100 + 30) await Promise.race(copiers.map(copier => copier.until(copier.recordCount + 1)))
    await broker.kill()
    await broker.start()
  }
  await caughtUp(`copy-${from}`, from, killable)
  await Promise.all(copiers.map(copier => copier.stop()))
  assert.deepEqual(sorted(await valuesIn(killable, to, { partitions: PARTITIONS })), numbers(400))
})
