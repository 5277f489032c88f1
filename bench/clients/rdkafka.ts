/** librdkafka's binding for Node in its own, callback-based way, which is its fastest. */
import { setImmediate as turn } from 'node:timers/promises'
import type { MeasuredClient } from './client.ts'
import { load } from './installed.ts'

interface RdProducer {
  connect(options: object, ready: (error: unknown) => void): void
  produce(topic: string, partition: number | null, value: Buffer): unknown
  setPollInterval(ms: number): void
  flush(timeoutMs: number, done: (error: unknown) => void): void
  disconnect(done: () => void): void
}
interface RdConsumer {
  connect(options: object, ready: (error: unknown) => void): void
  subscribe(topics: readonly string[]): void
  consume(count: number, done: (error: unknown, messages: readonly unknown[]) => void): void
  setDefaultConsumeTimeout(ms: number): void
  disconnect(done: () => void): void
}
interface RdKafka {
  readonly Producer: new (options: object, topicOptions?: object) => RdProducer
  readonly KafkaConsumer: new (options: object, topicOptions: object) => RdConsumer
}

const QUEUE_FULL = -184
const CONSUME_AT_ONCE = 10_000
const TURN_EVERY = 1000
const { Producer, KafkaConsumer } = load('@confluentinc/kafka-javascript') as RdKafka

const done = (run: (callback: (error: unknown) => void) => void): Promise<void> =>
  new Promise((resolve, reject) => run(error => (error ? reject(error as Error) : resolve())))

export const client: MeasuredClient = {
  async produce({ bootstrap, topic, value, isOver }) {
    const settings = { 'linger.ms': 5, 'batch.size': 65_536, acks: 'all', 'queue.buffering.max.kbytes': 32_768 }
    const producer = new Producer({ 'bootstrap.servers': bootstrap, ...settings })
    await done(callback => producer.connect({}, callback))
    producer.setPollInterval(5)
    let count = 0
    while (!isOver()) {
      try {
        producer.produce(topic, null, value)
        count++
        if (count % TURN_EVERY === 0) await turn()
      } catch (error) {
        if ((error as { code?: number }).code !== QUEUE_FULL) throw error
        await turn()
      }
    }
    await done(callback => producer.flush(30_000, callback))
    await done(callback => producer.disconnect(() => callback(undefined)))
    return count
  },
  async consume({ bootstrap, topic, groupId, onRecords }) {
    const settings = { 'bootstrap.servers': bootstrap, 'group.id': groupId }
    const consumer = new KafkaConsumer(settings, { 'auto.offset.reset': 'earliest' })
    await done(callback => consumer.connect({}, callback))
    consumer.subscribe([topic])
    consumer.setDefaultConsumeTimeout(100)
    const next = (): Promise<number> =>
      new Promise((resolve, reject) =>
        consumer.consume(CONSUME_AT_ONCE, (error, messages) =>
          error ? reject(error as Error) : resolve(messages.length),
        ),
      )
    while (onRecords(await next()));
    await done(callback => consumer.disconnect(() => callback(undefined)))
  },
}
