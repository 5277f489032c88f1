/** The data folder of a Millrace that is stopped: held for as long as the import runs, so that none starts meanwhile. */
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { silentLogger } from '@millrace/base'
import {
  type CatalogChange,
  type FileLock,
  formatOffsetCheckpoint,
  nodeFileSystem,
  type OwnedCatalog,
  openSqliteCatalog,
  parseOffsetCheckpoint,
  partitionFolder,
} from '@millrace/storage'
import { CATALOG_FILE } from '../serve/open-engine.ts'
import { CliError } from '../shared/cli-error.ts'
import type { ImportPlan } from './import-plan.ts'
import { checkpointOf } from './source-folders.ts'

/** Writes of the catalog are bounded; this many changes at a time are far below. */
const CHANGES_AT_ONCE = 100_000

export interface TargetOptions {
  readonly dirs: readonly string[]
  readonly nodeId: number
  /** For a folder that is new. */
  readonly clusterId: string | undefined
}

export class TargetFolder {
  readonly path: string
  readonly #dirs: readonly string[]
  readonly #locks: readonly FileLock[]
  readonly #catalog: OwnedCatalog

  private constructor(dirs: readonly string[], locks: readonly FileLock[], catalog: OwnedCatalog) {
    this.path = dirs[0]!
    this.#dirs = dirs
    this.#locks = locks
    this.#catalog = catalog
  }

  static open({ dirs, nodeId, clusterId }: TargetOptions): TargetFolder {
    const paths = dirs.map(dir => resolve(dir))
    const locks: FileLock[] = []
    try {
      for (const path of paths) {
        mkdirSync(path, { recursive: true })
        const lock = nodeFileSystem.lock(join(path, '.lock'))
        if (lock === undefined)
          throw new CliError(`the data folder ${path} is in use by a running broker`, { hint: 'stop it first' })
        locks.push(lock)
      }
      const path = join(paths[0]!, CATALOG_FILE)
      const isNew = !existsSync(path)
      const catalog = openSqliteCatalog({
        path,
        nodeId,
        logger: silentLogger,
        durable: true,
        ...(isNew && clusterId !== undefined && { clusterId }),
      })
      return new TargetFolder(paths, locks, catalog)
    } catch (error) {
      for (const lock of locks) lock.release()
      throw error
    }
  }

  /** Throws for the first topic that is there already, by name, by id or as a folder. */
  async refuseExisting({ topics }: ImportPlan): Promise<void> {
    const image = await this.#catalog.load()
    const names = new Set(image.topics.map(({ name }) => name))
    const ids = new Set(image.topics.map(({ id }) => id))
    for (const { name, id, folders } of topics) {
      if (names.has(name) || ids.has(id))
        throw new CliError(`topic '${name}' is there already`, {
          hint: 'delete it first, or choose others with --topic',
        })
      for (const { partition } of folders)
        for (const dir of this.#dirs) {
          const path = join(dir, partitionFolder(name, partition))
          if (existsSync(path))
            throw new CliError(`${path} is in the way, and no topic of this broker`, { hint: 'move it away first' })
        }
    }
  }

  /** Offsets of groups and the producer ids that are taken, then all topics in one write: with it the import is done. */
  async record({ topics, offsets, nextProducerId }: ImportPlan, nowMs: number): Promise<void> {
    const changes = topics.flatMap(({ name, id, partitionCount, configs }): CatalogChange[] => [
      { kind: 'createTopic', topic: { id, name, partitionCount, createdMs: nowMs } },
      ...[...configs].map(
        ([config, value]): CatalogChange => ({
          kind: 'setConfig',
          resource: 'topic',
          resourceName: name,
          name: config,
          value,
        }),
      ),
    ])
    for (let at = 0; at < offsets.length; at += CHANGES_AT_ONCE)
      await this.#catalog.write(
        offsets
          .slice(at, at + CHANGES_AT_ONCE)
          .map(({ groupId, offset }): CatalogChange => ({ kind: 'putOffset', groupId, offset })),
      )
    // A new producer must not be taken for one that the imported partitions remember.
    if (nextProducerId > 0) {
      const { first } = await this.#catalog.allocateProducerIds(1)
      if (first + 1 < nextProducerId) await this.#catalog.allocateProducerIds(nextProducerId - first - 1)
    }
    await this.#catalog.write(changes)
  }

  /** The source's word on what is safe counts only if its last stop was clean; else the next start scans. */
  mergeCheckpoints({ topics }: ImportPlan, sources: readonly string[], isClean: boolean): void {
    const own = new Set(
      topics.flatMap(({ name, folders }) => folders.map(({ partition }) => partitionFolder(name, partition))),
    )
    const names = [
      'log-start-offset-checkpoint',
      ...(isClean ? ['recovery-point-offset-checkpoint', 'replication-offset-checkpoint'] : []),
    ]
    for (const name of names) {
      const path = join(this.path, name)
      const before = existsSync(path) ? (parseOffsetCheckpoint(readFileSync(path)) ?? []) : []
      const added = [...checkpointOf(sources, name)].filter(([folder]) => own.has(folder))
      const entries = [...before, ...added].map(([folder, offset]) => {
        const at = folder.lastIndexOf('-')
        return { topic: folder.slice(0, at), partition: Number(folder.slice(at + 1)), offset }
      })
      if (entries.length > 0) writeFileSync(path, formatOffsetCheckpoint(entries))
    }
    if (!isClean) rmSync(join(this.path, '.kafka_cleanshutdown'), { force: true })
  }

  close(): void {
    this.#catalog.close()
    for (const lock of this.#locks) lock.release()
  }
}
