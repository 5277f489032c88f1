import { type MeasuredClient, sendLots } from './client.ts'
import { load } from './installed.ts'

interface Message {
  readonly topic: string
  readonly value: Buffer
}
interface Platformatic {
  readonly Producer: new (
    options: object,
  ) => { send(options: { messages: readonly Message[]; acks: number }): Promise<unknown>; close(): Promise<void> }
  readonly Consumer: new (
    options: object,
  ) => {
    consume(options: object): Promise<AsyncIterable<unknown> & { close(): Promise<void> }>
    close(force: boolean): Promise<void>
  }
}

const ACKS_ALL = -1
const { Producer, Consumer } = load('@platformatic/kafka') as Platformatic
const optionsOf = (bootstrap: string) => ({ clientId: 'bench', bootstrapBrokers: [bootstrap] })

export const client: MeasuredClient = {
  async produce(options) {
    const { bootstrap, topic, value, lot } = options
    const producer = new Producer(optionsOf(bootstrap))
    const messages = Array.from({ length: lot }, () => ({ topic, value }))
    const count = await sendLots(options, () => producer.send({ messages, acks: ACKS_ALL }))
    await producer.close()
    return count
  },
  async consume({ bootstrap, topic, groupId, onRecords }) {
    const consumer = new Consumer({ ...optionsOf(bootstrap), groupId, maxWaitTime: 500 })
    const stream = await consumer.consume({ topics: [topic], mode: 'earliest', autocommit: true })
    for await (const _ of stream) if (!onRecords(1)) break
    await stream.close()
    await consumer.close(true)
  },
}
