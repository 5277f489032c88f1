/** The roles that write in transactions. Each call is one life of a role: it ends when the client is to stop, or with what it does not survive. */
import {
  Consumer,
  type GroupMember,
  KafkaError,
  type PartitionOffset,
  Producer,
  serdes,
  type TopicPartition,
  type Transaction,
} from '@millrace/client'
import {
  common,
  group,
  line,
  nextNumber,
  now,
  Positions,
  padding,
  pause,
  plain,
  stop,
  topicsOf,
  transactional,
} from './shared.ts'

type SoakTransaction = Transaction<Buffer, string>

/** Of which life of a role, which of its transactions, and what it has sent. */
interface Within {
  readonly client: string
  readonly id: string
  readonly sent: Promise<unknown>[]
}

const COMMITTED_SHARE = 0.8
const TRIES = 3

const newProducer = (role: string): Producer<Buffer, string> =>
  new Producer({
    ...common,
    transactionalId: `${group}-${role}`,
    transactionTimeoutMs: 20_000,
    lingerMs: 5,
    key: serdes.bytes,
    value: serdes.string,
  })

/** Transactions of some records over the partitions; one in five is aborted. */
export async function transact(client: string): Promise<void> {
  await using producer = newProducer('t')
  await producer.initTransactions()
  for (let n = 1; !stop.signal.aborted; n++) {
    const id = `${client}-tx-${n}`
    const within: Within = { client, id, sent: [] }
    line('begin', client, { transaction: id })
    const transaction = await producer.beginTransaction()
    for (let i = Math.ceil(Math.random() * 20); i > 0; i--)
      send(transaction, within, transactional[Math.floor(Math.random() * transactional.length)]!)
    await end(transaction, within, Math.random() < COMMITTED_SHARE)
    await pause(20)
  }
}

/** Reads from the plain topics as a member of a group, writes a record for each of them, and commits both as one. */
export async function copy(client: string): Promise<void> {
  const copying = `${group}-copy`
  await using producer = newProducer('x')
  await using consumer = new Consumer({
    ...common,
    groupId: copying,
    autoCommit: false,
    isolation: 'read_committed',
    offsetReset: 'earliest',
    sessionTimeoutMs: 10_000,
    batchRecordsMax: 50,
    value: serdes.string,
  })
  await producer.initTransactions()
  const positions = new Positions(client)
  const seekAll = async (partitions: readonly TopicPartition[]): Promise<void> => {
    for (const at of partitions) positions.seek(at, await consumer.position(at))
  }
  const forget = (partitions: readonly TopicPartition[]): void => {
    for (const { topic, partition } of partitions) positions.next.delete(`${topic}-${partition}`)
  }
  consumer.subscribe(topicsOf(plain), { onAssigned: seekAll, onRevoked: forget, onLost: forget })
  let began = now()
  let n = 0
  for await (const batch of consumer.batches({ signal: stop.signal })) {
    positions.took(began, batch, { group: copying, isolation: 'read_committed' })
    const id = `${client}-tx-${++n}`
    const within: Within = { client, id, sent: [] }
    line('begin', client, { transaction: id })
    const transaction = await producer.beginTransaction()
    for (const { offset, partition } of batch.records)
      send(transaction, within, transactional[(offset + partition) % transactional.length]!)
    const { topic, partition, lastOffset } = batch
    const offsets = [{ topic, partition, offset: lastOffset + 1 }]
    const isCommitted =
      (await sendOffsets(transaction, within, { offsets, member: consumer.groupMember })) &&
      (await end(transaction, within, true))
    if (!transaction.isEnded) await end(transaction, within, false)
    if (!isCommitted) {
      consumer.seekToCommitted()
      await seekAll(consumer.assignment)
    }
    began = now()
  }
}

function send(transaction: SoakTransaction, { client, id, sent }: Within, { topic, partition }: TopicPartition): void {
  const value = `${client}-${nextNumber()}`
  const told = { id: value, topic, partition, values: [value], idempotent: true, ordered: true, transaction: id }
  line('send', client, told)
  const acknowledged = transaction.send({ topic, partition, key: padding, value })
  sent.push(acknowledged)
  acknowledged.then(
    ({ offset }) => line('sent', client, { id: value, outcome: 'acked', baseOffset: offset }),
    (error: unknown) => line('sent', client, { id: value, outcome: 'unknown', error: String(error) }),
  )
}

/** Whether they are in the transaction. */
async function sendOffsets(
  transaction: SoakTransaction,
  { client, id: transactionId }: Within,
  { offsets, member }: { readonly offsets: readonly PartitionOffset[]; readonly member: GroupMember },
): Promise<boolean> {
  // A commit of nobody in particular would not be fenced.
  if (member.generationId < 0) return false
  const id = `${transactionId}-commit`
  const { groupId, generationId: generation, memberId } = member
  const told = offsets.map(({ topic, partition, offset }) => [topic, partition, offset])
  const more = { group: groupId, generation, member: memberId, offsets: told, transaction: transactionId }
  line('commit', client, { id, ...more })
  try {
    await transaction.sendOffsets(offsets, member)
    line('committed', client, { id, outcome: 'acked' })
    return true
  } catch (error) {
    line('committed', client, { id, outcome: 'unknown', error: String(error) })
    return false
  }
}

/** Whether it was committed. Throws what the producer does not survive. */
async function end(transaction: SoakTransaction, { client, id, sent }: Within, isCommit: boolean): Promise<boolean> {
  const ended = (outcome: 'acked' | 'unknown'): void => line('ended', client, { transaction: id, outcome })
  if (isCommit) {
    // What cannot be sent cannot be committed; until this line nobody has asked for a commit.
    try {
      await Promise.all(sent)
      line('end', client, { transaction: id, commit: true })
      await retried(() => transaction.commit())
      ended('acked')
      return true
    } catch (error) {
      ended('unknown')
      // What was not sent is aborted; what the commit itself cannot get over is for the next life.
      const mayAbort = transaction.isOpen && error instanceof KafkaError && error.category !== 'application-recoverable'
      if (!mayAbort) throw error
      console.error(`${id} is aborted: ${error.message}`)
    }
  }
  line('end', client, { transaction: id, commit: false })
  await retried(() => transaction.abort())
  ended('acked')
  return false
}

async function retried(tell: () => Promise<void>): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await tell()
    } catch (error) {
      if (attempt === TRIES || !(error instanceof KafkaError) || !error.retriable) throw error
    }
  }
}
