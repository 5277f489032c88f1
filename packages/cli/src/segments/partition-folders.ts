/** The partitions in a data folder, as their folders tell. */
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { offsetOfFile, parsePartitionMetadata, partitionOfFolder } from '@millrace/storage'

export interface PartitionFolder {
  readonly topic: string
  readonly partition: number
  readonly path: string
  /** Undefined where the folder does not tell. */
  readonly topicId: string | undefined
  readonly segments: number
  readonly bytes: number
  readonly firstOffset: number | undefined
}

export function partitionFolders(dataFolder: string): PartitionFolder[] {
  return readdirSync(dataFolder, { withFileTypes: true })
    .flatMap(entry => {
      const found = entry.isDirectory() ? partitionOfFolder(entry.name) : undefined
      return found === undefined ? [] : [describe(join(dataFolder, entry.name), found)]
    })
    .filter(({ path }) => looksLikePartition(path))
    .sort((a, b) => (a.topic === b.topic ? a.partition - b.partition : a.topic < b.topic ? -1 : 1))
}

/** Any folder may be called `backup-1`. */
const looksLikePartition = (path: string): boolean =>
  existsSync(join(path, 'partition.metadata')) ||
  existsSync(join(path, 'leader-epoch-checkpoint')) ||
  readdirSync(path).some(name => offsetOfFile(name, '.log') !== undefined)

function describe(path: string, { topic, partition }: { topic: string; partition: number }): PartitionFolder {
  const metadata = join(path, 'partition.metadata')
  const names = readdirSync(path)
  const offsets = names.flatMap(name => offsetOfFile(name, '.log') ?? [])
  return {
    topic,
    partition,
    path,
    topicId: existsSync(metadata) ? parsePartitionMetadata(readFileSync(metadata)) : undefined,
    segments: offsets.length,
    bytes: names.reduce((sum, name) => sum + statSync(join(path, name)).size, 0),
    firstOffset: offsets.length === 0 ? undefined : Math.min(...offsets),
  }
}
