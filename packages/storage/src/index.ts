export * from './catalog/catalog.ts'
export { type AttachedNode, CatalogServer } from './catalog/catalog-server.ts'
export { readCompactedTopics } from './catalog/compacted-topics.ts'
export { LeaderSpread } from './catalog/leader-spread.ts'
export { MemoryStore, openMemoryCatalog } from './catalog/memory-catalog.ts'
export type { MessagePipe } from './catalog/message-pipe.ts'
export { RemoteCatalog } from './catalog/remote-catalog.ts'
export { openSqliteCatalog, type SqliteCatalogOptions } from './catalog/sqlite-catalog.ts'
export { collisionKey } from './catalog/topic-names.ts'
export { type CatalogStore, TurnCatalog } from './catalog/turn-catalog.ts'
export {
  type DiskEngineOptions,
  type DiskEngineSettings,
  defaultDiskSettings,
  openDiskEngine,
} from './disk/disk-engine.ts'
export { nodeFileSystem } from './disk/node-file-system.ts'
export { openSharedFolders, type SharedFolders, type SharedFoldersOptions } from './disk/shared-folders.ts'
export * from './engine.ts'
export type { FileLock, FileStat, FileSystem, OpenFile } from './file-system.ts'
export {
  formatOffsetCheckpoint,
  formatPartitionMetadata,
  parseLeaderEpochs,
  parseOffsetCheckpoint,
  parsePartitionMetadata,
} from './log/checkpoint-file.ts'
export { type CleanerSettings, defaultCleanerSettings } from './log/cleaner/log-cleaner.ts'
export { isDeletedFolder, offsetOfFile, partitionFolder, partitionOfFolder, segmentSuffixes } from './log/file-names.ts'
export { decodeSnapshot } from './log/producer-snapshot.ts'
export { type MemoryEngineOptions, openMemoryEngine } from './memory/memory-engine.ts'
export {
  checkFolder,
  checkHeldFolder,
  type FolderCheckOptions,
  type FolderReport,
  holdFolder,
} from './verify/folder-check.ts'
export type { Damage, LogProblem, ProblemKind } from './verify/log-problem.ts'
export type { PartitionReport } from './verify/partition-check.ts'
export { type FolderRepair, repairFolder } from './verify/repair-folder.ts'
export type { PlannedStep, RepairPlan, RepairStep } from './verify/repair-plan.ts'
