/** A data folder as a whole: its checkpoints, and each of its partitions that is asked for. */
import { nodeOfFile } from '../disk/node-files.ts'
import { type FileLock, type FileSystem, readSmallFile } from '../file-system.ts'
import { parseOffsetCheckpoint } from '../log/checkpoint-file.ts'
import { LEADER_EPOCH_FILE, offsetOfFile, PARTITION_METADATA_FILE, partitionOfFolder } from '../log/file-names.ts'
import type { LogProblem } from './log-problem.ts'
import { type CheckpointedOffset, checkPartition, type PartitionReport } from './partition-check.ts'

const OFFSET_CHECKPOINTS = [
  'recovery-point-offset-checkpoint',
  'log-start-offset-checkpoint',
  'replication-offset-checkpoint',
] as const

export interface FolderCheckOptions {
  /** All of them without it. */
  readonly isWanted?: (topic: string, partition: number) => boolean
  /** Whether a topic is compacted; undefined where nobody knows. */
  readonly isCompacted?: (topic: string) => boolean | undefined
  readonly checked?: (report: PartitionReport) => void
  readonly signal?: AbortSignal
}

export interface FolderReport {
  readonly folder: string
  /** A broker was at work in it. */
  readonly isRunning: boolean
  readonly problems: readonly LogProblem[]
  readonly partitions: readonly PartitionReport[]
  /** Of the partitions too. */
  readonly problemCount: number
}

/** Holds the folder while it reads, so that nobody starts on it meanwhile; where a broker has it, what is being written is left out. */
export async function checkFolder(
  fs: FileSystem,
  folder: string,
  options: FolderCheckOptions = {},
): Promise<FolderReport> {
  const held = holdFolder(fs, folder)
  try {
    return await checkHeldFolder(fs, folder, { ...options, isRunning: held === 'taken' })
  } finally {
    if (held !== 'taken') held?.release()
  }
}

export async function checkHeldFolder(
  fs: FileSystem,
  folder: string,
  options: FolderCheckOptions & { readonly isRunning: boolean },
): Promise<FolderReport> {
  const { isRunning, isWanted = () => true } = options
  const problems: LogProblem[] = []
  const checkpoints = readCheckpoints(fs, folder, problems)
  const partitions: PartitionReport[] = []
  for (const found of partitionsIn(fs, folder)) {
    options.signal?.throwIfAborted()
    const name = `${found.topic}-${found.partition}`
    if (!isWanted(found.topic, found.partition)) continue
    const isCompacted = options.isCompacted?.(found.topic)
    const known = checkpoints.get(name) ?? new Map<string, CheckpointedOffset>()
    const report = await checkPartition(fs, { ...found, isCompacted, isRunning, checkpoints: known })
    partitions.push(report)
    options.checked?.(report)
  }
  const problemCount = partitions.reduce((sum, report) => sum + report.problemCount, problems.length)
  return { folder, isRunning, problems, partitions, problemCount }
}

/** The lock of the folder; `taken` when another process has it, undefined where there is none to take. */
export function holdFolder(fs: FileSystem, folder: string): FileLock | 'taken' | undefined {
  const path = `${folder}/.lock`
  return fs.stat(path) === undefined ? undefined : (fs.lock(path) ?? 'taken')
}

interface FoundPartition {
  readonly topic: string
  readonly partition: number
  readonly folder: string
}

/** In the order of their names. Any folder may be called `backup-1`: one counts when something of a partition is in it. */
function partitionsIn(fs: FileSystem, dataFolder: string): readonly FoundPartition[] {
  return [...fs.list(dataFolder)]
    .flatMap(name => {
      const found = partitionOfFolder(name)
      const folder = `${dataFolder}/${name}`
      return found !== undefined && fs.list(folder).some(isOfPartition) ? [{ ...found, folder }] : []
    })
    .sort((a, b) => (a.topic === b.topic ? a.partition - b.partition : a.topic < b.topic ? -1 : 1))
}

const isOfPartition = (name: string): boolean =>
  name === PARTITION_METADATA_FILE || name === LEADER_EPOCH_FILE || offsetOfFile(name, '.log') !== undefined

/** Of every node that has used the folder. */
function checkpointFiles(fs: FileSystem, folder: string): readonly string[] {
  const ofOthers = fs.list(folder).filter(name => nodeOfFile(name) !== undefined)
  const isOffsets = (name: string): boolean => OFFSET_CHECKPOINTS.some(checkpoint => name.startsWith(checkpoint))
  return [...OFFSET_CHECKPOINTS, ...ofOthers.filter(isOffsets).sort()]
}

/** By partition folder, then by checkpoint. */
function readCheckpoints(
  fs: FileSystem,
  folder: string,
  problems: LogProblem[],
): Map<string, Map<string, CheckpointedOffset>> {
  const known = new Map<string, Map<string, CheckpointedOffset>>()
  for (const name of checkpointFiles(fs, folder)) {
    const path = `${folder}/${name}`
    const bytes = readSmallFile(fs, path)
    const offsets = bytes === undefined ? new Map<string, number>() : parseOffsetCheckpoint(bytes)
    if (offsets === undefined)
      problems.push({ kind: 'checkpoint', path, position: 0, message: 'it is no list of partitions and offsets' })
    for (const [partition, offset] of offsets ?? []) {
      const of = known.get(partition) ?? new Map<string, CheckpointedOffset>()
      known.set(partition, of.set(name, { path, offset }))
    }
  }
  return known
}
