import type { BufferPool, Clock, Logger, Random } from '@millrace/base'
import type { FileSystem } from '../file-system.ts'
import type { DiskLog } from './disk-log.ts'
import type { OpenFiles } from './open-files.ts'
import type { ReadPace } from './read-pace.ts'
import type { TailCache } from './tail-cache.ts'

/** What the partitions of one engine share. */
export interface LogServices {
  readonly fs: FileSystem
  readonly files: OpenFiles
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
  readonly tails: TailCache
  /** Where reads put what they find. */
  readonly readBlocks: BufferPool
  readonly readPace: ReadPace
  /** The engine's own listeners, which pass it on to the broker's. */
  advanced(log: DiskLog): void
  failed(log: DiskLog): void
  /** A closed segment is on the device: recovery may begin further on. */
  settled(): void
  /** Removes the paths after the delay, or at the next start. */
  removeLater(paths: readonly string[], delayMs: number): void
}
