import {
  type ErrorName,
  errorCode,
  ListOffsets,
  type ListOffsetsRequest,
  type ListOffsetsResponseInput,
} from '@millrace/protocol'
import type { Isolation, LogRefusal, MaybePromise, OffsetFound, OffsetQuery, PartitionLog } from '@millrace/storage'
import { checkLeaderEpoch } from '../metadata/leader-epoch.ts'
import { partitionOrError } from '../metadata/topic.ts'
import { mapInTurns } from '../runtime/in-turns.ts'
import { handler } from '../server/handler.ts'
import type { RequestContext } from '../server/request-context.ts'
import type { Services } from '../services.ts'

type PartitionRequest = ListOffsetsRequest['topics'][number]['partitions'][number]
type PartitionAnswer = ListOffsetsResponseInput['topics'][number]['partitions'][number]

const LATEST = -1
const EARLIEST = -2
const MAX_TIMESTAMP = -3
const EARLIEST_LOCAL = -4
const LATEST_TIERED = -5
const EARLIEST_PENDING_UPLOAD = -6
/** The version that brought each special timestamp. */
const specialSince: Readonly<Record<number, number>> = {
  [MAX_TIMESTAMP]: 7,
  [EARLIEST_LOCAL]: 8,
  [LATEST_TIERED]: 9,
  [EARLIEST_PENDING_UPLOAD]: 11,
}

export const listOffsets = handler(ListOffsets, async (services, request, cx) => {
  const isolation: Isolation = request.isolationLevel === 1 ? 'read_committed' : 'read_uncommitted'
  const repeated = repeatedPartitions(request)
  const topics = await mapInTurns(request.topics, async ({ name, partitions }) => ({
    name,
    partitions: await mapInTurns(partitions, asked =>
      repeated.has(`${name}:${asked.partitionIndex}`)
        ? refused(asked.partitionIndex, 'INVALID_REQUEST')
        : answer(services, name, asked, isolation, cx),
    ),
  }))
  return { topics }
})

function repeatedPartitions(request: ListOffsetsRequest): Set<string> {
  const seen = new Set<string>()
  const repeated = new Set<string>()
  for (const { name, partitions } of request.topics)
    for (const { partitionIndex } of partitions) {
      const key = `${name}:${partitionIndex}`
      if (seen.has(key)) repeated.add(key)
      seen.add(key)
    }
  return repeated
}

async function answer(
  services: Services,
  name: string,
  asked: PartitionRequest,
  isolation: Isolation,
  cx: RequestContext,
): Promise<PartitionAnswer> {
  const { partitionIndex, timestamp } = asked
  if (!cx.mayDo('DESCRIBE', 'TOPIC', name)) return refused(partitionIndex, 'TOPIC_AUTHORIZATION_FAILED')
  const partition = partitionOrError(services.image.topic(name), partitionIndex)
  if (typeof partition === 'string') return refused(partitionIndex, partition)
  const badEpoch = checkLeaderEpoch(partition, asked.currentLeaderEpoch)
  if (badEpoch !== undefined) return refused(partitionIndex, badEpoch)
  if (timestamp < 0 && cx.version < (specialSince[timestamp] ?? 1))
    return refused(partitionIndex, 'UNSUPPORTED_VERSION')
  const found = await find(services, partition, timestamp, isolation)
  if (found === undefined) return refused(partitionIndex, 'UNSUPPORTED_VERSION')
  if (found.kind === 'refused') return refused(partitionIndex, found.error)
  return {
    partitionIndex,
    errorCode: 0,
    timestamp: found.timestampMs,
    offset: found.offset,
    // Below version 4 there is no such field, and it must stay at its default.
    leaderEpoch: cx.version >= 4 ? found.leaderEpoch : -1,
  }
}

function find(
  services: Services,
  partition: PartitionLog,
  timestamp: number,
  isolation: Isolation,
): MaybePromise<OffsetFound | LogRefusal | undefined> {
  const query = queryOf(timestamp, isolation)
  if (query === 'none') return { kind: 'found', offset: -1, timestampMs: -1, leaderEpoch: -1 }
  return query && services.logs.listOffset(partition, query)
}

/** `none`: nothing is tiered here, so there is no such offset. */
function queryOf(timestamp: number, isolation: Isolation): OffsetQuery | 'none' | undefined {
  if (timestamp >= 0) return { kind: 'timestamp', timestampMs: timestamp, isolation }
  if (timestamp === LATEST) return { kind: 'latest', isolation }
  if (timestamp === EARLIEST || timestamp === EARLIEST_LOCAL) return { kind: 'earliest' }
  if (timestamp === MAX_TIMESTAMP) return { kind: 'max_timestamp' }
  return timestamp === LATEST_TIERED || timestamp === EARLIEST_PENDING_UPLOAD ? 'none' : undefined
}

const refused = (partitionIndex: number, error: ErrorName): PartitionAnswer => ({
  partitionIndex,
  errorCode: errorCode(error),
})
