/**
 * What lies in a data folder beside its partitions: who owns it, whether it was left in good order, and the checkpoints.
 *
 *     meta.properties                   cluster and folder, for ever
 *     .lock                             held while a process runs on the folder
 *     .kafka_cleanshutdown              there only between a clean stop and the next start
 *     recovery-point-offset-checkpoint  below it everything is on the device: recovery begins there
 *     log-start-offset-checkpoint       log starts that are above 0: what lies below is to go, whatever a power cut brings back
 *     replication-offset-checkpoint     high watermarks
 *     cleaner-offset-checkpoint         where the cleaning of compacted logs ended
 *
 * Where several nodes share the folder, all but the first write their own marker and checkpoints, named `….node2` and so on (shared-folders.ts).
 */
import type { Logger, Random } from '@millrace/base'
import { StorageError } from '../engine.ts'
import { type FileLock, type FileSystem, parentOf, readSmallFile, replaceFile } from '../file-system.ts'
import { formatOffsetCheckpoint, type PartitionOffset, parseOffsetCheckpoint } from '../log/checkpoint-file.ts'
import { partitionOfFolder } from '../log/file-names.ts'

export const checkpointNames = [
  'recovery-point-offset-checkpoint',
  'log-start-offset-checkpoint',
  'replication-offset-checkpoint',
  'cleaner-offset-checkpoint',
] as const
export type CheckpointName = (typeof checkpointNames)[number]

export const CLEAN_MARKER = '.kafka_cleanshutdown'
/** Kafka's file, in its format; -1 is an epoch that no broker has. */
export const CLEAN_MARKER_TEXT = '{"version":0,"brokerEpoch":-1}'

export interface FolderOwner {
  readonly clusterId: string
  readonly nodeId: number
}

export class DataFolder {
  readonly path: string
  /** Other nodes have partitions in it too. */
  readonly isShared: boolean
  readonly #fs: FileSystem
  readonly #lock: FileLock | undefined
  readonly #suffix: string
  readonly #written = new Map<CheckpointName, string>()
  #writing: Promise<void> = Promise.resolve()
  #isFresh = false

  private constructor(fs: FileSystem, path: string, held: { lock?: FileLock; suffix?: string }) {
    this.#fs = fs
    this.path = path
    this.#lock = held.lock
    this.isShared = held.suffix !== undefined
    this.#suffix = held.suffix ?? ''
  }

  /** One that others hold and have claimed. `suffix` tells this node's own files from the others'. */
  static shared(fs: FileSystem, path: string, suffix: string): DataFolder {
    return new DataFolder(fs, path, { suffix })
  }

  /** Takes the folder for this process; it is made where it is not there. */
  static async open(fs: FileSystem, path: string): Promise<DataFolder> {
    const parents: string[] = []
    for (let folder = path; folder !== '/' && fs.stat(folder) === undefined; folder = parentOf(folder))
      parents.push(parentOf(folder))
    fs.makeFolder(path)
    for (const parent of parents) await fs.syncFolder(parent)
    const lock = fs.lock(`${path}/.lock`)
    if (lock === undefined)
      throw new StorageError(
        'LOCKED',
        `the data folder ${path} is in use by another process; stop it or choose another folder`,
        { path },
      )
    return new DataFolder(fs, path, { lock })
  }

  /** Whether the last process here stopped cleanly. The marker goes, so that an end from now on is not taken for a clean one. */
  async takeCleanMarker(): Promise<boolean> {
    const path = `${this.path}/${CLEAN_MARKER}${this.#suffix}`
    if (this.#fs.stat(path) === undefined) return this.#isFresh
    this.#fs.remove(path)
    await this.#fs.syncFolder(this.path)
    return true
  }

  async leaveCleanMarker(): Promise<void> {
    await replaceFile(this.#fs, `${this.path}/${CLEAN_MARKER}${this.#suffix}`, Buffer.from(CLEAN_MARKER_TEXT))
  }

  /** Offsets by partition folder. A file that is missing or damaged is an empty one: less is known, and more is checked. */
  readCheckpoint(name: CheckpointName, logger: Logger): ReadonlyMap<string, number> {
    const path = `${this.path}/${name}${this.#suffix}`
    const bytes = readSmallFile(this.#fs, path)
    const offsets = bytes === undefined ? new Map<string, number>() : parseOffsetCheckpoint(bytes)
    if (offsets === undefined) logger.warn('checkpoint is damaged and not used', { path })
    return offsets ?? new Map<string, number>()
  }

  /** Writes one after the other; `offsets` are taken when its turn comes, so that the newest are the last that are written. */
  writeCheckpoint(name: CheckpointName, offsets: () => readonly PartitionOffset[]): Promise<void> {
    const written = this.#writing.then(async () => {
      const bytes = formatOffsetCheckpoint(offsets())
      const text = bytes.toString('latin1')
      if (this.#written.get(name) === text) return
      await replaceFile(this.#fs, `${this.path}/${name}${this.#suffix}`, bytes)
      this.#written.set(name, text)
    })
    this.#writing = written.catch(() => {})
    return written
  }

  release(): void {
    this.#lock?.release()
  }

  /** No process was here before. */
  get isFresh(): boolean {
    return this.#isFresh
  }

  /** Makes the folder the cluster's, or refuses with INCOMPATIBLE when it is another's. */
  async claim({ clusterId, nodeId, random }: FolderOwner & { random: Random }): Promise<void> {
    const path = `${this.path}/meta.properties`
    const bytes = readSmallFile(this.#fs, path)
    if (bytes === undefined) {
      this.#isFresh = this.#fs.list(this.path).every(name => partitionOfFolder(name) === undefined)
      const directoryId = random.bytes(16).toString('base64url')
      const lines = [
        '#',
        'version=1',
        `cluster.id=${clusterId}`,
        `node.id=${nodeId}`,
        `directory.id=${directoryId}`,
        '',
      ]
      return replaceFile(this.#fs, path, Buffer.from(lines.join('\n')))
    }
    const found = parseProperties(bytes.toString('utf8'))
    const foundCluster = found.get('cluster.id')
    if (foundCluster !== clusterId)
      throw new StorageError(
        'INCOMPATIBLE',
        `the data folder ${this.path} belongs to the cluster ${foundCluster ?? '(none named)'}, not to ${clusterId}`,
        { path },
      )
  }
}

/** Java properties as Kafka writes them here: one `name=value` a line, a backslash before what Java escapes. */
function parseProperties(text: string): ReadonlyMap<string, string> {
  const properties = new Map<string, string>()
  for (const line of text.split(/\r?\n/)) {
    const split = line.indexOf('=')
    if (line.startsWith('#') || split < 0) continue
    properties.set(
      line.slice(0, split).trim(),
      line
        .slice(split + 1)
        .trim()
        .replaceAll('\\', ''),
    )
  }
  return properties
}
