import { DescribeLogDirs, type DescribeLogDirsRequest, errorCode } from '@millrace/protocol'
import type { LogDirectory } from '@millrace/storage'
import { CLUSTER } from '../security/authorizer.ts'
import { handler } from '../server/handler.ts'

export const describeLogDirs = handler(DescribeLogDirs, async (services, request, cx) => {
  if (!cx.mayDo('DESCRIBE', 'CLUSTER', CLUSTER))
    return { throttleTimeMs: 0, errorCode: errorCode('CLUSTER_AUTHORIZATION_FAILED'), results: [] }
  const wanted = wantedPartitions(request)
  const directories = await services.logs.directories()
  return {
    throttleTimeMs: 0,
    errorCode: 0,
    results: directories.map(directory => ({
      errorCode: directory.error === undefined ? 0 : errorCode(directory.error),
      logDir: directory.path,
      topics: topicsOf(directory, wanted),
      totalBytes: directory.totalBytes,
      usableBytes: directory.usableBytes,
    })),
  }
})

type Wanted = ReadonlyMap<string, ReadonlySet<number>>

/** Undefined: all. */
function wantedPartitions(request: DescribeLogDirsRequest): Wanted | undefined {
  if (request.topics === null) return undefined
  const wanted = new Map<string, Set<number>>()
  for (const { topic, partitions } of request.topics) {
    const known = wanted.get(topic) ?? new Set<number>()
    wanted.set(topic, known)
    for (const partition of partitions) known.add(partition)
  }
  return wanted
}

interface Replica {
  readonly partitionIndex: number
  readonly partitionSize: number
  readonly offsetLag: number
  readonly isFutureKey: boolean
}

function topicsOf(directory: LogDirectory, wanted: Wanted | undefined): { name: string; partitions: Replica[] }[] {
  const topics = new Map<string, Replica[]>()
  for (const { topic, partition, sizeBytes } of directory.partitions) {
    if (wanted !== undefined && !wanted.get(topic)?.has(partition)) continue
    const replica = { partitionIndex: partition, partitionSize: sizeBytes, offsetLag: 0, isFutureKey: false }
    const known = topics.get(topic)
    if (known === undefined) topics.set(topic, [replica])
    else known.push(replica)
  }
  return [...topics].map(([name, partitions]) => ({ name, partitions }))
}
