import { brokerConfigOf, startBroker } from 'millrace/broker'
import { Consumer, Producer, serdes } from 'millrace/client'
import { openMemoryCatalog, openMemoryEngine } from 'millrace/storage'

const engine = openMemoryEngine({ catalog: openMemoryCatalog() })
await using broker = await startBroker({ config: brokerConfigOf({ listeners: 'PLAINTEXT://127.0.0.1:0' }), engine })
const bootstrap = `127.0.0.1:${broker.ports.get('PLAINTEXT')}`

await using producer = new Producer({ bootstrap })
const { offset }: { offset: number } = await producer.send({
  topic: 'greetings',
  key: 'k',
  value: 'hello',
  headers: {},
})

await using consumer = new Consumer({ bootstrap, value: serdes.string })
consumer.assign([{ topic: 'greetings', partition: 0 }])
await consumer.seekToBeginning()
for await (const record of consumer) {
  const value: string | null = record.value
  if (value !== 'hello' || record.offset !== offset) throw new Error(`got ${value} at ${record.offset}`)
  break
}
