/** Transactions over the end of a broker: what was decided is done, what was open stays open or is aborted in time. On a real folder. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { createLogger, type Logger, silentLogger, systemClock } from '@millrace/base'
import type { TransactionRecord } from '@millrace/coordinator'
import { DescribeProducers, DescribeTransactions, errorName, WriteTxnMarkers } from '@millrace/protocol'
import { openDiskEngine, openSqliteCatalog } from '@millrace/storage'
import { createTopic, WireClient } from '@millrace/testkit'
import { startBroker } from '../../broker.ts'
import { brokerConfigOf } from '../../config/load-broker-config.ts'
import { committedOffset, generations, read, TransactionalProducer } from '../../handlers/transaction-fixture.ts'
import { decodeTransactionRecord, encodeTransactionRecord } from './transaction-record-codec.ts'
import { FORGOTTEN_EPOCHS_MAX } from './vital-records.ts'

interface Started {
  readonly client: WireClient
  stop(): Promise<void>
}

function newFolder(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-transactions-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

const openCatalog = (folder: string) =>
  openSqliteCatalog({ path: join(folder, 'catalog.db'), nodeId: 1, logger: silentLogger })

async function start(t: TestContext, folder: string, logger: Logger = silentLogger): Promise<Started> {
  const engine = await openDiskEngine({
    dirs: [folder],
    catalog: () => openCatalog(folder),
    clock: systemClock,
    logger: silentLogger,
  })
  const config = brokerConfigOf({ listeners: 'PLAINTEXT://127.0.0.1:0' })
  const broker = await startBroker({ config, engine, logger })
  const client = await WireClient.connect({ port: [...broker.ports.values()][0]! })
  const stop = async (): Promise<void> => {
    await client.close()
    await broker.stop()
  }
  t.after(stop)
  return { client, stop }
}

/** Changes what the stopped broker knows of a transactional id, to what it would know had it ended a little later. */
async function rewrite(
  folder: string,
  id: string,
  change: (record: TransactionRecord) => TransactionRecord,
): Promise<void> {
  await rewriteBytes(folder, id, value => encodeTransactionRecord(change(decodeTransactionRecord(id, value))))
}

async function rewriteBytes(folder: string, id: string, change: (value: Uint8Array) => Uint8Array): Promise<void> {
  const catalog = openCatalog(folder)
  const stored = (await catalog.loadTransactions()).find(({ transactionalId }) => transactionalId === id)
  assert(stored !== undefined)
  await catalog.write([{ kind: 'putTransaction', transactionalId: id, value: change(stored.value) }])
  catalog.close()
}

for (const generation of generations) {
  test(`a transaction that was open goes on after a restart, with its offsets (${generation})`, async t => {
    const folder = newFolder(t)
    const first = await start(t, folder)
    await createTopic(first.client, 't')
    const producer = await TransactionalProducer.start(first.client, 'tx', { generation })
    assert.equal(await producer.send('t', ['before']), 'NONE')
    assert.equal(await producer.sendOffset('g', 't', 7), 'NONE')
    await first.stop()
    const { client } = await start(t, folder)
    assert.equal((await read(client, 't')).lastStableOffset, 0)
    assert.equal(await committedOffset(client, 'g', 't'), 'UNSTABLE_OFFSET_COMMIT')
    producer.reconnect(client)
    assert.equal(await producer.send('t', ['after']), 'NONE')
    assert.equal(await producer.commit(), 'NONE')
    assert.deepEqual((await read(client, 't', { beyond: 0 })).values, ['before', 'after'])
    while ((await committedOffset(client, 'g', 't')) === 'UNSTABLE_OFFSET_COMMIT');
    assert.equal(await committedOffset(client, 'g', 't'), 7)
  })

  for (const committed of [true, false])
    test(`what was decided gets its markers at the start: ${committed ? 'commit' : 'abort'}, ${generation}`, async t => {
      const folder = newFolder(t)
      const first = await start(t, folder)
      await createTopic(first.client, 't', { partitions: 2 })
      const producer = await TransactionalProducer.start(first.client, 'tx', { generation })
      await producer.send('t', ['a'])
      await producer.send('t', ['b'], 1)
      await producer.sendOffset('g', 't', 7)
      await first.stop()
      await rewrite(folder, 'tx', record => ({
        ...record,
        status: committed ? 'PrepareCommit' : 'PrepareAbort',
        producerEpoch: record.producerEpoch + (generation === 'epochs' ? 1 : 0),
      }))
      const { client } = await start(t, folder)
      assert.deepEqual((await read(client, 't', { beyond: 0 })).values, committed ? ['a'] : [])
      assert.deepEqual((await read(client, 't', { beyond: 0, partition: 1 })).values, committed ? ['b'] : [])
      while ((await committedOffset(client, 'g', 't')) === 'UNSTABLE_OFFSET_COMMIT');
      assert.equal(await committedOffset(client, 'g', 't'), committed ? 7 : -1)
      const successor = await TransactionalProducer.start(client, 'tx', { generation })
      assert.equal(await successor.send('t', ['c']), 'NONE')
      assert.equal(await successor.commit(), 'NONE')
    })

  test(`a decided transaction of a topic that is gone ends all the same (${generation})`, async t => {
    const folder = newFolder(t)
    const first = await start(t, folder)
    await createTopic(first.client, 't')
    const producer = await TransactionalProducer.start(first.client, 'tx', { generation })
    await producer.send('t', ['a'])
    await first.stop()
    await rewrite(folder, 'tx', record => ({
      ...record,
      status: 'PrepareCommit',
      producerEpoch: record.producerEpoch + (generation === 'epochs' ? 1 : 0),
      partitions: [...record.partitions, { topic: 'gone', partitions: [0, 1] }],
    }))
    const { client } = await start(t, folder)
    assert.deepEqual((await read(client, 't', { beyond: 0 })).values, ['a'])
    const successor = await TransactionalProducer.start(client, 'tx', { generation })
    assert.equal(await successor.send('t', ['b']), 'NONE')
  })

  test(`a transaction whose time passed while nobody served it is aborted (${generation})`, async t => {
    const folder = newFolder(t)
    const first = await start(t, folder)
    await createTopic(first.client, 't')
    const producer = await TransactionalProducer.start(first.client, 'tx', { generation })
    await producer.send('t', ['late'])
    await first.stop()
    await rewrite(folder, 'tx', record => ({ ...record, startTimestampMs: record.startTimestampMs - 3_600_000 }))
    const { client } = await start(t, folder)
    assert.equal((await read(client, 't', { beyond: 0 })).aborted, 1)
    producer.reconnect(client)
    assert.equal(await producer.write('t', ['zombie']), 'INVALID_PRODUCER_EPOCH')
  })
}

for (const generation of generations)
  test(`a producer whose epochs are used up goes on with another id (${generation})`, async t => {
    const folder = newFolder(t)
    const first = await start(t, folder)
    await createTopic(first.client, 't')
    const old = await TransactionalProducer.start(first.client, 'tx', { generation })
    await first.stop()
    await rewrite(folder, 'tx', record => ({
      ...record,
      producerEpoch: 32_765 - FORGOTTEN_EPOCHS_MAX,
      lastProducerEpoch: -1,
    }))
    const { client } = await start(t, folder)
    const producer = await TransactionalProducer.start(client, 'tx', { generation })
    // It has the last epoch now.
    assert.equal(producer.producerEpoch, 32_766)
    assert.equal(await producer.send('t', ['a']), 'NONE')
    assert.equal(await producer.commit(), 'NONE')
    const successor = await TransactionalProducer.start(client, 'tx', { generation })
    assert.notEqual(successor.producerId, old.producerId)
    assert.equal(await successor.send('t', ['b']), 'NONE')
    assert.equal(await successor.commit(), 'NONE')
    assert.deepEqual((await read(client, 't', { beyond: 2 })).values, ['a', 'b'])
  })

test('a record comes back as it was stored', () => {
  const record: TransactionRecord = {
    transactionalId: 'tx',
    producerId: 2 ** 40,
    previousProducerId: 5,
    nextProducerId: 6,
    producerEpoch: 32_766,
    lastProducerEpoch: 3,
    transactionTimeoutMs: 60_000,
    status: 'PrepareAbort',
    partitions: [{ topic: 't', partitions: [0, 7] }],
    groups: ['g', 'h'],
    lastUpdateTimestampMs: 1_700_000_000_000,
    startTimestampMs: -1,
    clientTransactionVersion: 2,
  }
  assert.deepEqual(decodeTransactionRecord('tx', encodeTransactionRecord(record)), record)
})

for (const generation of generations)
  test(`a record that cannot be read is written over by nobody, and what it has open can be ended and forgotten (${generation})`, async t => {
    const folder = newFolder(t)
    const first = await start(t, folder)
    await createTopic(first.client, 't')
    const producer = await TransactionalProducer.start(first.client, 'tx', { generation })
    await producer.send('t', ['open'])
    await producer.sendOffset('g', 't', 7)
    const other = await TransactionalProducer.start(first.client, 'other', { generation })
    await first.stop()
    const damaged = Buffer.from('no record at all')
    await rewriteBytes(folder, 'tx', () => damaged)

    const lines: string[] = []
    const logger = createLogger({ level: 'error', format: 'json', write: line => lines.push(line) })
    const { client, stop } = await start(t, folder, logger)
    assert.match(
      lines.join(''),
      /transactional id tx in the catalog cannot be read.*kafka-transactions.*millrace transaction drop/,
    )
    for (let attempt = 0; attempt < 2; attempt++)
      assert.equal(await new TransactionalProducer(client, 'tx', { generation }).init(), 'UNKNOWN_SERVER_ERROR')
    producer.reconnect(client)
    assert.equal(await producer.commit(), 'UNKNOWN_SERVER_ERROR')
    const { transactionStates } = await client.request(DescribeTransactions, 0, { transactionalIds: ['tx'] })
    assert.equal(errorName(transactionStates[0]!.errorCode), 'UNKNOWN_SERVER_ERROR')
    // Others go on.
    other.reconnect(client)
    await createTopic(client, 'u')
    assert.equal(await other.send('u', ['fine']), 'NONE')
    assert.equal(await other.commit(), 'NONE')

    // As kafka-transactions does it: who has something open here, and an end to it.
    assert.equal((await read(client, 't')).lastStableOffset, 0)
    const { topics } = await client.request(DescribeProducers, 0, { topics: [{ name: 't', partitionIndexes: [0] }] })
    const [active] = topics[0]!.partitions[0]!.activeProducers
    assert.equal(active!.currentTxnStartOffset, 0)
    const { markers } = await client.request(WriteTxnMarkers, 1, {
      markers: [
        {
          producerId: active!.producerId,
          producerEpoch: active!.producerEpoch,
          transactionResult: false,
          topics: [{ name: 't', partitionIndexes: [0] }],
          coordinatorEpoch: Math.max(0, active!.coordinatorEpoch),
        },
      ],
    })
    assert.equal(markers[0]!.topics[0]!.partitions[0]!.errorCode, 0)
    assert.deepEqual((await read(client, 't', { beyond: 0 })).values, [])
    assert.equal(await committedOffset(client, 'g', 't'), 'UNSTABLE_OFFSET_COMMIT')
    await stop()

    const catalog = openCatalog(folder)
    const left = (await catalog.loadTransactions()).find(({ transactionalId }) => transactionalId === 'tx')
    assert.deepEqual(Buffer.from(left!.value), damaged)
    await catalog.write([{ kind: 'deleteTransaction', transactionalId: 'tx' }])
    catalog.close()

    const last = await start(t, folder)
    while ((await committedOffset(last.client, 'g', 't')) === 'UNSTABLE_OFFSET_COMMIT');
    assert.equal(await committedOffset(last.client, 'g', 't'), -1)
    const successor = await TransactionalProducer.start(last.client, 'tx', { generation })
    assert.notEqual(successor.producerId, producer.producerId)
    assert.equal(await successor.send('t', ['anew']), 'NONE')
    assert.equal(await successor.commit(), 'NONE')
    assert.deepEqual((await read(last.client, 't', { beyond: 1 })).values, ['anew'])
  })
