/** Every request that holds a list, with 50,000 entries in it that lead nowhere: each entry is answered, or the whole refused. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  AlterConfigs,
  AlterPartitionReassignments,
  type Api,
  CreatePartitions,
  DeleteGroups,
  DeleteRecords,
  DeleteTopics,
  DescribeGroups,
  DescribeLogDirs,
  DescribeProducers,
  DescribeTopicPartitions,
  ElectLeaders,
  FindCoordinator,
  IncrementalAlterConfigs,
  JoinGroup,
  LeaveGroup,
  ListPartitionReassignments,
  OffsetCommit,
  OffsetDelete,
  OffsetForLeaderEpoch,
  SyncGroup,
  ZERO_UUID,
} from '@millrace/protocol'
import { type Field, underAttack } from './under-attack.ts'

const COUNT = 50_000
const names = Array.from({ length: COUNT }, (_, i) => `nobody-${i}`)
const topics = <T>(rest: T): ({ name: string } & T)[] => names.map(name => ({ name, ...rest }))

/** Prepared as a closure, so that each request keeps its own type. */
function asked<Q, QI, R, RI>(
  api: Api<Q, QI, R, RI>,
  body: () => QI,
): { name: string; run: (field: Field) => Promise<void> } {
  return {
    name: api.name,
    async run(field) {
      const client = await field.connect({ timeoutMs: 60_000 })
      await client.request(api, api.versions[1], body() as never)
      await client.close()
    },
  }
}

const config = { name: 'retention.ms', value: '1' }
const group = { groupId: 'g', generationId: 1, memberId: 'm' }
const requests = [
  asked(OffsetCommit, () => ({
    groupId: 'g',
    topics: names.map((_, i) => ({
      topicId: Buffer.alloc(16, `${i}`.padStart(16, '0')).toString('base64url'),
      partitions: [{ partitionIndex: 0, committedOffset: 1, committedMetadata: null }],
    })),
  })),
  asked(FindCoordinator, () => ({ coordinatorKeys: names })),
  asked(JoinGroup, () => ({
    groupId: 'g',
    sessionTimeoutMs: 10_000,
    memberId: '',
    protocolType: 'consumer',
    protocols: names.map(name => ({ name, metadata: Buffer.alloc(0) })),
  })),
  asked(LeaveGroup, () => ({ groupId: 'g', members: names.map(memberId => ({ memberId })) })),
  asked(SyncGroup, () => ({
    ...group,
    assignments: names.map(memberId => ({ memberId, assignment: Buffer.alloc(0) })),
  })),
  asked(DescribeGroups, () => ({ groups: names, includeAuthorizedOperations: true })),
  asked(DeleteTopics, () => ({ topics: topics({ topicId: ZERO_UUID }), timeoutMs: 1000 })),
  asked(DeleteRecords, () => ({
    topics: topics({ partitions: [{ partitionIndex: 0, offset: -1 }] }),
    timeoutMs: 1000,
  })),
  asked(OffsetForLeaderEpoch, () => ({
    topics: names.map(topic => ({ topic, partitions: [{ partition: 0, leaderEpoch: 0 }] })),
  })),
  asked(AlterConfigs, () => ({
    resources: names.map(resourceName => ({ resourceType: 2, resourceName, configs: [config] })),
    validateOnly: false,
  })),
  asked(IncrementalAlterConfigs, () => ({
    resources: names.map(resourceName => ({
      resourceType: 2,
      resourceName,
      configs: [{ ...config, configOperation: 0 }],
    })),
    validateOnly: false,
  })),
  asked(DescribeLogDirs, () => ({ topics: names.map(topic => ({ topic, partitions: [0] })) })),
  asked(CreatePartitions, () => ({
    topics: topics({ count: 2, assignments: null }),
    timeoutMs: 1000,
    validateOnly: false,
  })),
  asked(DeleteGroups, () => ({ groupsNames: names })),
  asked(ElectLeaders, () => ({ electionType: 0, topicPartitions: names.map(topic => ({ topic, partitions: [0] })) })),
  asked(AlterPartitionReassignments, () => ({
    topics: topics({ partitions: [{ partitionIndex: 0, replicas: [0] }] }),
  })),
  asked(ListPartitionReassignments, () => ({ topics: topics({ partitionIndexes: [0] }) })),
  asked(OffsetDelete, () => ({ groupId: 'g', topics: topics({ partitions: [{ partitionIndex: 0 }] }) })),
  asked(DescribeProducers, () => ({ topics: topics({ partitionIndexes: [0] }) })),
  asked(DescribeTopicPartitions, () => ({ topics: topics({}), responsePartitionLimit: 0x7fffffff })),
]

test('50,000 entries of any kind are answered, and nobody else is hurt', { timeout: 120_000 }, async t => {
  await underAttack({ growthMiBMax: 1000 }, async field => {
    for (const { name, run } of requests)
      await t.test(name, { timeout: 60_000 }, async () => {
        await run(field)
        await field.healthy.rounds(1)
      })
    assert.ok(requests.length >= 20)
  })
})
