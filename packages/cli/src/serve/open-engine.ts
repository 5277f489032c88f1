/** Where the broker's data lives: in its data folders, or in memory alone. */
import { join, resolve } from 'node:path'
import { type Logger, systemClock } from '@millrace/base'
import type { BrokerConfig } from '@millrace/broker'
import {
  type CleanerSettings,
  defaultDiskSettings,
  openDiskEngine,
  openMemoryCatalog,
  openMemoryEngine,
  openSqliteCatalog,
  type StorageEngine,
} from '@millrace/storage'

export const CATALOG_FILE = 'catalog.sqlite'

/** The engine owns the catalog and closes it. */
export async function openEngine(config: BrokerConfig, logger: Logger, isEphemeral: boolean): Promise<StorageEngine> {
  const clock = systemClock
  const producerExpirationMs = config.producerIdExpirationMs
  if (isEphemeral) return openMemoryEngine({ catalog: openMemoryCatalog(), clock, producerExpirationMs })
  const { nodeId, logDirs: dirs, isDurable: durable } = config
  const retentionCheckMs = config.logRetentionCheckIntervalMs
  return openDiskEngine({
    dirs,
    catalog: () => openSqliteCatalog({ path: join(resolve(dirs[0]!), CATALOG_FILE), nodeId, durable, logger }),
    clock,
    logger,
    nodeId,
    settings: {
      retentionCheckMs,
      retentionFirstCheckMs: Math.min(retentionCheckMs, defaultDiskSettings.retentionFirstCheckMs),
      checkpointMs: config.logFlushOffsetCheckpointIntervalMs,
      producerExpirationMs,
      cleaner: () => cleanerSettings(config),
    },
  })
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
