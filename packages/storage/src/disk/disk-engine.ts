/** The engine on one machine: a data folder, or several, in Kafka's own layout. Takes the folders for this process, and gives them back in good order. */
import { resolve } from 'node:path'
import { type Clock, type Logger, type Random, systemRandom } from '@millrace/base'
import type { Catalog, OwnedCatalog } from '../catalog/catalog.ts'
import { type StorageEngine, StorageError } from '../engine.ts'
import type { FileSystem } from '../file-system.ts'
import { type CleanerSettings, defaultCleanerSettings } from '../log/cleaner/log-cleaner.ts'
import { DataFolder } from './data-folder.ts'
import { DiskLogEngine } from './disk-log-engine.ts'
import { nodeFileSystem } from './node-file-system.ts'
import { nodeSuffix } from './node-files.ts'
import { settlePlacements } from './settle-placements.ts'

/** Kafka's configurations of the same meaning are named; what has none is ours. */
export interface DiskEngineSettings {
  /** log.retention.check.interval.ms */
  readonly retentionCheckMs: number
  readonly retentionFirstCheckMs: number
  /** log.flush.offset.checkpoint.interval.ms */
  readonly checkpointMs: number
  /** producer.id.expiration.ms */
  readonly producerExpirationMs: number
  /** producer.id.expiration.check.interval.ms */
  readonly producerExpirationCheckMs: number
  /** num.recovery.threads.per.data.dir: how many partitions are opened at a time. */
  readonly recoveryConcurrency: number
  /** Descriptors of partitions' files at the same time. */
  readonly openFilesMax: number
  /** Memory for batches appended last, over all partitions. */
  readonly tailBytes: number
  /** Reads of more bytes than this go through the thread pool. */
  readonly syncReadBytesMax: number
  /** The same while the disk answers as fast as a page cache does. */
  readonly syncReadBytesMaxWhileFast: number
  /** log.cleaner.…, asked anew for each cleaning: they may change while it runs. */
  readonly cleaner: () => CleanerSettings
}

export const defaultDiskSettings: DiskEngineSettings = {
  retentionCheckMs: 300_000,
  retentionFirstCheckMs: 30_000,
  checkpointMs: 60_000,
  producerExpirationMs: 86_400_000,
  producerExpirationCheckMs: 600_000,
  recoveryConcurrency: 4,
  openFilesMax: 2048,
  tailBytes: 32 * 1024 * 1024,
  syncReadBytesMax: 64 * 1024,
  syncReadBytesMaxWhileFast: 1024 * 1024,
  cleaner: () => defaultCleanerSettings,
}

export interface DiskEngineOptions {
  /** log.dirs. Made where they are not there. */
  readonly dirs: readonly string[]
  /**
   * A function is called once the folders are held, and what it opens is closed with the engine: opening a catalog that lies in one of them fences the
   * process that uses it, which must not happen to one that is alive.
   */
  readonly catalog: Catalog | (() => OwnedCatalog)
  readonly clock: Clock
  readonly logger: Logger
  readonly nodeId?: number
  /** The folders are held by `openSharedFolders`, and other nodes use them too. */
  readonly shared?: { readonly isFirst: boolean }
  readonly random?: Random
  readonly fs?: FileSystem
  readonly settings?: Partial<DiskEngineSettings>
}

/** Rejects with LOCKED when another process holds one of the folders, with INCOMPATIBLE when one belongs to another cluster. */
export async function openDiskEngine(options: DiskEngineOptions): Promise<StorageEngine> {
  const { clock, logger, nodeId = 1, random = systemRandom, fs = nodeFileSystem } = options
  if (options.dirs.length === 0) throw new StorageError('IO', 'there is no data folder')
  const folders: DataFolder[] = []
  let owned: OwnedCatalog | undefined
  const release = (): void => {
    owned?.close()
    for (const folder of folders) folder.release()
  }
  try {
    const { shared } = options
    const suffix = shared?.isFirst === true ? '' : nodeSuffix(nodeId)
    for (const dir of options.dirs.map(each => resolve(each)))
      folders.push(shared === undefined ? await DataFolder.open(fs, dir) : DataFolder.shared(fs, dir, suffix))
    if (typeof options.catalog === 'function') owned = options.catalog()
    const catalog = owned ?? (options.catalog as Catalog)
    if (shared === undefined) {
      for (const folder of folders) await folder.claim({ clusterId: catalog.clusterId, nodeId, random })
      await settlePlacements({ fs, folders, catalog, nodeIds: [nodeId], logger })
    }
    const settings = { ...defaultDiskSettings, ...options.settings }
    const logs = new DiskLogEngine({ folders, fs, clock, random, logger, settings })
    let closing: Promise<void> | undefined
    const close = (): Promise<void> => {
      closing ??= logs.close().finally(release)
      return closing
    }
    return { catalog, logs, close, [Symbol.asyncDispose]: close }
  } catch (fault) {
    release()
    throw fault
  }
}
