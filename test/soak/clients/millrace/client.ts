/**
 * client.ts BOOTSTRAP NAME FILE PLAIN RATE TRANSACTIONAL GROUP: the roles of SoakClient.java with Millrace's own client, until stdin ends.
 */
import { openSync, writeSync } from 'node:fs'
import { Consumer, KafkaError, Producer, serdes, type TopicPartition } from '@millrace/client'

const [bootstrap = '', name = '', path = '', plainList = '', rateText = '0', , group = ''] = process.argv.slice(2)
const rate = Number(rateText)
const history = openSync(path, 'a')
const stop = new AbortController()
let numbers = 0

const now = (): number => Number(process.hrtime.bigint() / 1000n) / 1000
const line = (kind: string, client: string, fields: object): void => {
  writeSync(history, `${JSON.stringify({ kind, at: now(), client, ...fields })}\n`)
}
const pause = (ms: number): Promise<void> => new Promise(resolve => setTimeout(resolve, ms))

const plain: TopicPartition[] = plainList.split(',').flatMap(item => {
  const [topic = '', count] = item.split(':')
  return Array.from({ length: Number(count) }, (_, partition) => ({ topic, partition }))
})
const topics = [...new Set(plain.map(({ topic }) => topic))]
const padding = Buffer.alloc(150, name)
const common = { bootstrap, requestTimeoutMs: 5_000 }

async function produce(): Promise<void> {
  for (let life = 1; !stop.signal.aborted; life++) {
    const client = `${name}.p${life}`
    const producer = new Producer({ ...common, lingerMs: 5, deliveryTimeoutMs: 120_000 })
    let waiting = 0
    let failure: unknown
    const send = ({ topic, partition }: TopicPartition): void => {
      const value = `${client}-${++numbers}`
      waiting++
      line('send', client, { id: value, topic, partition, values: [value], idempotent: true, ordered: true })
      producer.send({ topic, partition, key: padding, value }).then(
        ({ offset }) => {
          waiting--
          line('sent', client, { id: value, outcome: 'acked', baseOffset: offset })
        },
        (error: unknown) => {
          waiting--
          line('sent', client, { id: value, outcome: 'unknown', error: String(error) })
          if (!(error instanceof KafkaError) || error.code !== 'TIMED_OUT') failure = error
        },
      )
    }
    for (let turn = 0; !stop.signal.aborted && failure === undefined; ) {
      for (let i = 0; i < Math.max(1, rate / 20) && waiting < 1_000; i++) send(plain[turn++ % plain.length]!)
      await pause(50)
    }
    if (failure !== undefined) console.error(`${client} ended: ${String(failure)}`)
    await producer.close().catch((error: unknown) => console.error(`${client} closed: ${String(error)}`))
  }
}

class Positions {
  readonly #client: string
  readonly next = new Map<string, number>()

  constructor(client: string) {
    this.#client = client
  }

  seek({ topic, partition }: TopicPartition, position: number): void {
    this.next.set(`${topic}-${partition}`, position)
    line('seek', this.#client, { topic, partition, position })
  }

  took(
    began: number,
    batch: { topic: string; partition: number; records: readonly { offset: number; value: string | null }[] },
    more: object,
  ): void {
    const { topic, partition } = batch
    const records = batch.records.map(({ offset, value }) => [offset, value] as const)
    const position = this.next.get(`${topic}-${partition}`) ?? records[0]![0]
    line('read', this.#client, { began, topic, partition, position, records, isolation: 'read_uncommitted', ...more })
    this.next.set(`${topic}-${partition}`, records.at(-1)![0] + 1)
  }
}

async function read(client: string): Promise<void> {
  await using consumer = new Consumer({ ...common, offsetReset: 'earliest', value: serdes.string })
  const positions = new Positions(client)
  consumer.assign(plain)
  consumer.seekToBeginning()
  for (const at of plain) positions.seek(at, 0)
  let began = now()
  for await (const batch of consumer.batches({ signal: stop.signal })) {
    positions.took(began, batch, {})
    began = now()
  }
}

async function consumeInGroup(client: string): Promise<void> {
  await using consumer = new Consumer({
    ...common,
    groupId: group,
    autoCommit: false,
    offsetReset: 'earliest',
    sessionTimeoutMs: 10_000,
    value: serdes.string,
  })
  const positions = new Positions(client)
  const uncommitted = new Map<string, readonly [string, number, number]>()
  const owns = (): void => {
    const { generationId, memberId } = consumer.groupMember
    const partitions = [...positions.next.keys()].map(key => [
      key.slice(0, key.lastIndexOf('-')),
      Number(key.slice(key.lastIndexOf('-') + 1)),
    ])
    line('assigned', client, { group, generation: generationId, member: memberId, partitions })
  }
  const commit = async (): Promise<void> => {
    if (uncommitted.size === 0) return
    const id = `${client}-commit-${++numbers}`
    const { generationId, memberId } = consumer.groupMember
    const offsets = [...uncommitted.values()]
    line('commit', client, { id, group, generation: generationId, member: memberId, offsets })
    try {
      await consumer.commit(offsets.map(([topic, partition, offset]) => ({ topic, partition, offset })))
      line('committed', client, { id, outcome: 'acked' })
      uncommitted.clear()
    } catch (error) {
      line('committed', client, { id, outcome: 'unknown', error: String(error) })
    }
  }
  const forget = (partitions: readonly TopicPartition[]): void => {
    for (const { topic, partition } of partitions) {
      positions.next.delete(`${topic}-${partition}`)
      uncommitted.delete(`${topic}-${partition}`)
    }
    owns()
  }
  consumer.subscribe(topics, {
    onAssigned: async partitions => {
      for (const at of partitions) positions.seek(at, await consumer.position(at))
      owns()
    },
    onRevoked: async partitions => {
      await commit()
      forget(partitions)
    },
    onLost: forget,
  })
  let began = now()
  let last = began
  for await (const batch of consumer.batches({ signal: stop.signal })) {
    positions.took(began, batch, { group })
    const { topic, partition, lastOffset } = batch
    uncommitted.set(`${topic}-${partition}`, [topic, partition, lastOffset + 1])
    if (now() - last > 500) {
      await commit()
      last = now()
    }
    began = now()
  }
}

process.stdin.resume()
process.stdin.on('end', () => stop.abort())
const again = async (role: string, work: () => Promise<void>): Promise<void> => {
  for (;;) {
    try {
      await work()
      return
    } catch (error) {
      console.error(`${name}.${role} ended: ${String(error)}`)
      if (stop.signal.aborted) return
      await pause(500)
    }
  }
}
let life = 0
await Promise.race([
  Promise.all([
    produce(),
    again('g1', () => consumeInGroup(`${name}.g1-${++life}`)),
    again('g2', () => consumeInGroup(`${name}.g2-${++life}`)),
    again('r', () => read(`${name}.r-${++life}`)),
  ]),
  new Promise(resolve => stop.signal.addEventListener('abort', () => setTimeout(resolve, 90_000).unref())),
])
process.exit(0)
