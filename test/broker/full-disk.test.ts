import assert from 'node:assert/strict'
import { it } from 'node:test'
import { silentLogger, systemClock } from '@millrace/base'
import { brokerConfigOf, startBroker } from '@millrace/broker'
import { CreateTopics, errorName, Produce } from '@millrace/protocol'
import { openDiskEngine, openMemoryCatalog } from '@millrace/storage'
import { batchOf, createTopic, produceBatch, WireClient } from '@millrace/testkit'
import { FaultFileSystem } from '@millrace/testkit/fault-file-system'

it('a topic that finds no room on the disk is an answer to who made it, and no harm to anybody else', async () => {
  const fs = new FaultFileSystem()
  const common = { clock: systemClock, logger: silentLogger }
  const engine = await openDiskEngine({ dirs: ['/data'], catalog: openMemoryCatalog(), fs, ...common })
  const config = brokerConfigOf({ listeners: 'PLAINTEXT://127.0.0.1:0' })
  await using broker = await startBroker({ config, engine, ...common })
  await using client = await WireClient.connect({ port: broker.ports.get('PLAINTEXT')! })
  fs.inject({ operation: 'write', path: 'partition.metadata', code: 'DISK_FULL' })
  const topic = { name: 'unlucky', numPartitions: 2, replicationFactor: 1, assignments: [], configs: [] }
  const refused = await client.request(CreateTopics, 7, { topics: [topic], timeoutMs: 10_000 })
  assert.equal(errorName(refused.topics[0]!.errorCode), 'KAFKA_STORAGE_ERROR')
  fs.heal()
  await createTopic(client, 'lucky')
  assert.equal(await produceBatch(client, 'lucky', batchOf(['a'])), 0)
  assert.equal(errorName(await produceError(client, 'unlucky')), 'UNKNOWN_TOPIC_OR_PARTITION')
  await createTopic(client, 'unlucky')
  assert.equal(errorName(await produceError(client, 'unlucky')), 'NONE')
})

async function produceError(client: WireClient, name: string): Promise<number> {
  const topicData = [{ name, partitionData: [{ index: 0, records: [batchOf(['b'])] }] }]
  const answer = await client.request(Produce, 9, { acks: -1, timeoutMs: 10_000, topicData })
  return answer.responses[0]!.partitionResponses[0]!.errorCode
}
