/** The folders that are imported from: that nobody works on them, what lies in them, and what their checkpoints say. */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { decodeSnapshot, type FileLock, nodeFileSystem, parseOffsetCheckpoint } from '@millrace/storage'
import { type PartitionFolder, partitionFolders } from '../segments/partition-folders.ts'
import { CliError } from '../shared/cli-error.ts'

const METADATA_FOLDER = '__cluster_metadata-0'
const OFFSETS_TOPIC = '__consumer_offsets'
/** What these hold is kept elsewhere here, or means nothing on another broker. */
const internalTopics: ReadonlySet<string> = new Set([
  '__cluster_metadata',
  OFFSETS_TOPIC,
  '__transaction_state',
  '__share_group_state',
])

export interface SourceFolders {
  readonly partitions: readonly PartitionFolder[]
  readonly offsetFolders: readonly string[]
  readonly metadataFolder: string | undefined
  readonly clusterId: string | undefined
  /** Whether the last process there stopped cleanly: then its recovery points hold, and nothing has to be scanned. */
  readonly isClean: boolean
  release(): void
}

export function openSource(folders: readonly string[]): SourceFolders {
  const locks = lockAll(folders)
  try {
    const all = folders.flatMap(folder => partitionFolders(folder))
    if (all.length === 0)
      throw new CliError(`${folders.join(', ')} holds no partitions`, { hint: "--from names Kafka's log.dirs" })
    const metadataFolder = folders.map(folder => join(folder, METADATA_FOLDER)).find(path => existsSync(path))
    for (const { path } of all) refuseHalfCompacted(path)
    return {
      partitions: all.filter(({ topic }) => !internalTopics.has(topic)),
      offsetFolders: all.filter(({ topic }) => topic === OFFSETS_TOPIC).map(({ path }) => path),
      metadataFolder,
      clusterId: clusterIdOf(folders[0]!),
      isClean: folders.every(folder => existsSync(join(folder, '.kafka_cleanshutdown'))),
      release: () => {
        for (const lock of locks) lock.release()
      },
    }
  } catch (error) {
    for (const lock of locks) lock.release()
    throw error
  }
}

function lockAll(folders: readonly string[]): FileLock[] {
  const locks: FileLock[] = []
  for (const folder of folders) {
    const path = join(folder, '.lock')
    if (!existsSync(folder))
      throw new CliError(`there is no folder ${folder}`, { hint: "--from names Kafka's log.dirs" })
    // A copy of a data folder has none, and is not written to.
    if (!existsSync(path)) continue
    const lock = nodeFileSystem.lock(path)
    if (lock === undefined) {
      for (const taken of locks) taken.release()
      throw new CliError(`${folder} is in use by a running broker`, { hint: 'stop it first' })
    }
    locks.push(lock)
  }
  return locks
}

function refuseHalfCompacted(path: string): void {
  const half = readdirSync(path).find(name => name.endsWith('.swap'))
  if (half !== undefined)
    throw new CliError(`${join(path, half)} was left by a compaction that was cut off`, {
      hint: 'start Kafka there once more and stop it cleanly',
    })
}

function clusterIdOf(folder: string): string | undefined {
  const path = join(folder, 'meta.properties')
  if (!existsSync(path)) return undefined
  return /^cluster\.id=([A-Za-z0-9_-]{22})\s*$/m.exec(readFileSync(path, 'utf8'))?.[1]
}

/** By folder name, over all folders. */
export function checkpointOf(folders: readonly string[], name: string): ReadonlyMap<string, number> {
  return new Map(
    folders.flatMap(folder => {
      const path = join(folder, name)
      return existsSync(path) ? [...(parseOffsetCheckpoint(readFileSync(path)) ?? [])] : []
    }),
  )
}

/** The highest producer id that the partitions remember; -1 for none. */
export function highestProducerId(partitions: readonly PartitionFolder[]): number {
  let highest = -1
  for (const { path } of partitions)
    for (const name of readdirSync(path))
      if (name.endsWith('.snapshot'))
        for (const { producerId } of decodeSnapshot(readFileSync(join(path, name))) ?? [])
          highest = Math.max(highest, producerId)
  return highest
}
