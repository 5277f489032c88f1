import { type MeasuredClient, sendLots } from './client.ts'
import { load } from './installed.ts'

interface Batch {
  readonly batch: { readonly messages: readonly unknown[] }
}
export interface KafkaJs {
  producer(options?: object): {
    connect(): Promise<void>
    send(options: object): Promise<unknown>
    disconnect(): Promise<void>
  }
  consumer(options: object): {
    connect(): Promise<void>
    subscribe(options: object): Promise<void>
    run(options: { eachBatch: (batch: Batch) => Promise<void> }): Promise<void>
    disconnect(): Promise<void>
  }
}

export const client: MeasuredClient = {
  async produce(options) {
    const { topic, value, lot } = options
    const producer = kafkaOf(options.bootstrap).producer()
    await producer.connect()
    const messages = Array.from({ length: lot }, () => ({ value }))
    const count = await sendLots(options, () => producer.send({ topic, messages, acks: -1 }))
    await producer.disconnect()
    return count
  },
  async consume({ bootstrap, topic, groupId, onRecords }) {
    const consumer = kafkaOf(bootstrap).consumer({ groupId, maxWaitTimeInMs: 500 })
    await consumer.connect()
    await consumer.subscribe({ topics: [topic], fromBeginning: true })
    const { promise, resolve } = Promise.withResolvers<void>()
    const eachBatch = async ({ batch }: Batch): Promise<void> => {
      if (!onRecords(batch.messages.length)) resolve()
    }
    await consumer.run({ eachBatch })
    await promise
    await consumer.disconnect()
  },
}

function kafkaOf(bootstrap: string): KafkaJs {
  const { Kafka, logLevel } = load('kafkajs') as {
    readonly Kafka: new (options: object) => KafkaJs
    readonly logLevel: { readonly ERROR: number }
  }
  return new Kafka({ clientId: 'bench', brokers: [bootstrap], logLevel: logLevel.ERROR })
}
