/**
 * The broker that the client is tried against: the one that MILLRACE_TEST_BROKER names (`host:port`, such as a real Apache Kafka), else Millrace in this process,
 * with so many nodes as MILLRACE_TEST_NODES says.
 */
import { randomUUID } from 'node:crypto'
import {
  Admin,
  type ClientOptions,
  Consumer,
  type ConsumerOptions,
  Producer,
  type ProducerOptions,
} from '@millrace/client'
import { startBrokerUnderTest } from '@millrace/testkit'

export interface ClusterUnderTest extends AsyncDisposable {
  readonly bootstrap: string
  readonly isMillrace: boolean
  /** A name that nobody else uses; the topic does not exist yet. */
  name(what: string): string
  /** A fresh topic. */
  topic(partitions?: number, configs?: Readonly<Record<string, string | number>>): Promise<string>
  producer<K = Uint8Array | string, V = Uint8Array | string>(options?: Partial<ProducerOptions<K, V>>): Producer<K, V>
  consumer<K = Buffer, V = Buffer>(options?: Partial<ConsumerOptions<K, V>>): Consumer<K, V>
  readonly admin: Admin
}

const settings = {
  'group.initial.rebalance.delay.ms': '0',
  'auto.create.topics.enable': 'true',
  'group.min.session.timeout.ms': '1000',
}

export async function clusterUnderTest(given = process.env.MILLRACE_TEST_BROKER): Promise<ClusterUnderTest> {
  const broker = given === undefined ? await startBrokerUnderTest(settings) : undefined
  const bootstrap = given ?? `localhost:${broker!.port}`
  const run = randomUUID().slice(0, 8)
  const base: ClientOptions = { bootstrap, retryBackoffMs: 20, apiTimeoutMs: 20_000 }
  const admin = new Admin(base)
  const opened: AsyncDisposable[] = []
  const keep = <T extends AsyncDisposable>(client: T): T => {
    opened.push(client)
    return client
  }
  let count = 0
  const name = (what: string): string => `${what}-${run}-${count++}`
  return {
    bootstrap,
    isMillrace: broker !== undefined,
    admin,
    name,
    async topic(partitions = 1, configs = {}) {
      const topic = name('topic')
      await admin.topics.create([{ name: topic, partitions, configs }])
      return topic
    },
    producer: options => keep(new Producer({ ...base, ...options })),
    consumer: options => keep(new Consumer({ ...base, offsetReset: 'earliest', heartbeatIntervalMs: 100, ...options })),
    async [Symbol.asyncDispose]() {
      await Promise.all(opened.map(client => client[Symbol.asyncDispose]()))
      await admin.close()
      await broker?.stop()
    },
  }
}

/** The first `count` items of a stream; the stream is left open at that place. */
export async function take<T>(stream: AsyncIterable<T>, count: number): Promise<T[]> {
  const items: T[] = []
  if (count === 0) return items
  for await (const item of stream) if (items.push(item) === count) break
  return items
}

/** Repeats a check until it holds: a cluster tells its brokers of a change after it has answered. */
export async function eventually(check: () => Promise<void>): Promise<void> {
  const deadline = performance.now() + 10_000
  for (;;) {
    try {
      return await check()
    } catch (error) {
      if (performance.now() > deadline) throw error
      await new Promise(resolve => setTimeout(resolve, 20))
    }
  }
}
