/** Where the broker's data lives: in its data folders, or in memory alone. */
import { join, resolve } from 'node:path'
import { type Logger, systemClock } from '@millrace/base'
import type { BrokerConfig } from '@millrace/broker'
import {
  type CleanerSettings,
  type DiskEngineSettings,
  defaultDiskSettings,
  type OwnedCatalog,
  openDiskEngine,
  openMemoryCatalog,
  openMemoryEngine,
  openSharedFolders,
  openSqliteCatalog,
  type SharedFolders,
  type StorageEngine,
} from '@millrace/storage'

export const CATALOG_FILE = 'catalog.sqlite'

/** The engine owns the catalog and closes it. */
export async function openEngine(config: BrokerConfig, logger: Logger, isEphemeral: boolean): Promise<StorageEngine> {
  const clock = systemClock
  const producerExpirationMs = config.producerIdExpirationMs
  if (isEphemeral) return openMemoryEngine({ catalog: openMemoryCatalog(), clock, producerExpirationMs })
  const { nodeId, logDirs: dirs } = config
  const catalog = (): OwnedCatalog => openCatalog(config, logger)
  return openDiskEngine({ dirs, catalog, clock, logger, nodeId, settings: diskSettings(config) })
}

/** Of one of several nodes: the supervisor has the catalog and holds the folders. */
export async function openNodeEngine(config: BrokerConfig, logger: Logger, node: NodeOptions): Promise<StorageEngine> {
  const clock = systemClock
  const { catalog, nodeIds, isEphemeral } = node
  const { nodeId, logDirs: dirs, producerIdExpirationMs: producerExpirationMs } = config
  if (isEphemeral) return openMemoryEngine({ catalog, clock, producerExpirationMs })
  const settings = {
    ...diskSettings(config),
    tailBytes: Math.floor(defaultDiskSettings.tailBytes / nodeIds.length),
    openFilesMax: Math.ceil(defaultDiskSettings.openFilesMax / nodeIds.length),
  }
  const shared = { isFirst: nodeId === nodeIds[0] }
  return openDiskEngine({ dirs, catalog: () => catalog, clock, logger, nodeId, shared, settings })
}

export interface NodeOptions {
  readonly catalog: OwnedCatalog
  readonly nodeIds: readonly number[]
  readonly isEphemeral: boolean
}

/** What the nodes of a process share. */
export async function openShared(
  config: BrokerConfig,
  logger: Logger,
  { nodeIds, isEphemeral }: Pick<NodeOptions, 'nodeIds' | 'isEphemeral'>,
): Promise<SharedFolders> {
  if (!isEphemeral)
    return openSharedFolders({ dirs: config.logDirs, nodeIds, catalog: () => openCatalog(config, logger), logger })
  const catalog = openMemoryCatalog()
  return { catalog, release: () => catalog.close() }
}

function openCatalog({ logDirs, nodeId, isDurable: durable }: BrokerConfig, logger: Logger): OwnedCatalog {
  return openSqliteCatalog({ path: join(resolve(logDirs[0]!), CATALOG_FILE), nodeId, durable, logger })
}

function diskSettings(config: BrokerConfig): Partial<DiskEngineSettings> {
  const retentionCheckMs = config.logRetentionCheckIntervalMs
  return {
    retentionCheckMs,
    retentionFirstCheckMs: Math.min(retentionCheckMs, defaultDiskSettings.retentionFirstCheckMs),
    checkpointMs: config.logFlushOffsetCheckpointIntervalMs,
    producerExpirationMs: config.producerIdExpirationMs,
    cleaner: () => cleanerSettings(config),
  }
}

/** Read anew each time: they may be altered while the broker runs. */
const cleanerSettings = (config: BrokerConfig): CleanerSettings => ({
  isEnabled: config.logCleanerEnable && config.logCleanerThreads > 0,
  backoffMs: config.logCleanerBackoffMs,
  dedupeBufferBytes: config.logCleanerDedupeBufferSize,
  loadFactor: config.logCleanerIoBufferLoadFactor,
  ioBufferBytes: config.logCleanerIoBufferSize,
  ioBytesPerSecondMax: config.logCleanerIoMaxBytesPerSecond,
})
