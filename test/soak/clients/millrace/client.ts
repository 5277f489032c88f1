/**
 * client.ts BOOTSTRAP NAME FILE PLAIN RATE TRANSACTIONAL GROUP: the roles of SoakClient.java with Millrace's own client, until stdin ends.
 */
import { Consumer, KafkaError, Producer, serdes, type TopicPartition } from '@millrace/client'
import {
  common,
  group,
  line,
  name,
  nextNumber,
  now,
  Positions,
  padding,
  pause,
  plain,
  rate,
  stop,
  topicsOf,
  transactional,
} from './shared.ts'
import { copy, transact } from './transactional.ts'

async function produce(): Promise<void> {
  for (let life = 1; !stop.signal.aborted; life++) {
    const client = `${name}.p${life}`
    const producer = new Producer({ ...common, lingerMs: 5, deliveryTimeoutMs: 120_000 })
    let waiting = 0
    let failure: unknown
    const send = ({ topic, partition }: TopicPartition): void => {
      const value = `${client}-${nextNumber()}`
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

async function read(
  client: string,
  partitions: readonly TopicPartition[],
  isolation: 'read_committed' | 'read_uncommitted',
): Promise<void> {
  await using consumer = new Consumer({ ...common, isolation, offsetReset: 'earliest', value: serdes.string })
  const positions = new Positions(client)
  consumer.assign(partitions)
  consumer.seekToBeginning()
  for (const at of partitions) positions.seek(at, 0)
  let began = now()
  for await (const batch of consumer.batches({ signal: stop.signal })) {
    positions.took(began, batch, { isolation })
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
    const id = `${client}-commit-${nextNumber()}`
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
  consumer.subscribe(topicsOf(plain), {
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
    again('r', () => read(`${name}.r-${++life}`, plain, 'read_uncommitted')),
    ...(transactional.length === 0
      ? []
      : [
          again('t', () => transact(`${name}.t-${++life}`)),
          again('x', () => copy(`${name}.x-${++life}`)),
          again('c', () => read(`${name}.c-${++life}`, transactional, 'read_committed')),
        ]),
  ]),
  new Promise(resolve => stop.signal.addEventListener('abort', () => setTimeout(resolve, 90_000).unref())),
])
process.exit(0)
