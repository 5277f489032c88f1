/** Where a bug can be planted without a change to what is tested: between the broker and its engine, its catalog and its disk. */
import type { Clock, Random } from '@millrace/base'
import type { FileSystem, StorageEngine } from '@millrace/storage'
import type { FaultFileSystem } from '../fault-file-system.ts'
import type { Anomaly } from '../history/anomaly.ts'
import type { Mischief } from './nemesis.ts'
import type { JournalOptions } from './simulated-catalog.ts'

export interface BugTools {
  readonly random: Random
  readonly clock: Clock
}

export interface PlantedBug {
  readonly name: string
  /** What the checker calls it; any of them. */
  readonly found: readonly Anomaly[]
  /** The catalog and the topics are to be as safe as this for the bug to be one. */
  readonly needs?: 'durable catalog'
  /** What brings it to light, so that few seeds are enough. */
  readonly mischief?: readonly Mischief[]
  engine?(engine: StorageEngine, tools: BugTools): StorageEngine
  fileSystem?(disk: FaultFileSystem, random: Random): FileSystem
  journal?(tools: BugTools): Partial<JournalOptions>
  /** Between two lives. */
  afterDeath?(disk: FaultFileSystem, random: Random): void
}
