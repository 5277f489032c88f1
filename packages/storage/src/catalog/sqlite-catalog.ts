/**
 * The catalog of a data folder: one SQLite file in WAL mode.
 *
 * Opening raises the node's incarnation, and every transaction looks whether it is still the one of its own opening: a process that was taken for
 * dead and replaced finds itself FENCED with its next write, and stays so.
 */
import { DatabaseSync, type StatementSync } from 'node:sqlite'
import { type Logger, systemRandom } from '@millrace/base'
import { nodeFileSystem } from '../disk/node-file-system.ts'
import { StorageError } from '../engine.ts'
import type { FileSystem } from '../file-system.ts'
import {
  type CatalogChange,
  CatalogError,
  type CatalogImage,
  type OwnedCatalog,
  type StoredGroup,
  type StoredTransaction,
} from './catalog.ts'
import { newClusterId, producerIdBlock } from './identity.ts'
import { SqliteChanges } from './sqlite-changes.ts'
import { corrupt, faultOf, isFailedSync, syncFault, writeFault } from './sqlite-faults.ts'
import { loadGroups, loadImage, loadTransactions } from './sqlite-load.ts'
import { migrate } from './sqlite-schema.ts'
import { type CatalogStore, TurnCatalog } from './turn-catalog.ts'
import { WalSync } from './wal-sync.ts'

export interface SqliteCatalogOptions {
  readonly path: string
  readonly nodeId: number
  /** For a new file: the cluster's id, made up when absent. For one that exists: refused with INCOMPATIBLE when it is another. */
  readonly clusterId?: string
  /**
   * Writes are vital unless they say that they are not. Without it only those are with topics, configurations or producer ids, and those whose writer says so: a crash of the process loses
   * nothing, and one of the machine may lose the last of the others.
   */
  readonly durable?: boolean
  /** The file grows no further, and writes that need room are refused with UNAVAILABLE. */
  readonly sizeBytesMax?: number
  readonly logger: Logger
  /** By which the write-ahead log is synced. Default: the machine's own. */
  readonly fs?: FileSystem
}

/** A lock is held for milliseconds by anyone well-behaved, and while we wait for it the event loop stands still. */
const BUSY_TIMEOUT_MS = 1_000
const CACHE_KIB = 1_024
/** The write-ahead log is cut back to this after a checkpoint. */
const WAL_BYTES_MAX = 8 * 1024 * 1024
/** Looking through a file for damage takes some 4 ms per MiB; a larger one is believed until a read fails. */
const CHECKED_BYTES_MAX = 32 * 1024 * 1024

/** Opens or makes the file. Throws a StorageError: CORRUPT, INCOMPATIBLE, LOCKED, DISK_FULL or IO. */
export function openSqliteCatalog(options: SqliteCatalogOptions): OwnedCatalog {
  let db: DatabaseSync | undefined
  try {
    db = new DatabaseSync(options.path, { timeout: BUSY_TIMEOUT_MS })
    prepareFile(db, options)
    return new TurnCatalog(new SqliteStore(db, options))
  } catch (error) {
    db?.close()
    throw faultOf(error, options.path)
  }
}

function prepareFile(db: DatabaseSync, { path, sizeBytesMax }: SqliteCatalogOptions): void {
  db.exec(`PRAGMA cache_size = -${CACHE_KIB}`)
  migrate(db, path)
  db.exec('PRAGMA journal_mode = WAL')
  db.exec(`PRAGMA journal_size_limit = ${WAL_BYTES_MAX}`)
  // Its identity is on the device before anything else is marked with it.
  db.exec('PRAGMA synchronous = FULL')
  // A process whose sync failed may have left a log that the kernel takes for written. Carried over, it is written once more.
  db.exec('PRAGMA wal_checkpoint(TRUNCATE)')
  const pageSize = Number(db.prepare('PRAGMA page_size').get()?.page_size)
  const pageCount = Number(db.prepare('PRAGMA page_count').get()?.page_count)
  if (sizeBytesMax !== undefined) db.exec(`PRAGMA max_page_count = ${Math.max(1, Math.floor(sizeBytesMax / pageSize))}`)
  if (pageCount * pageSize > CHECKED_BYTES_MAX) return
  const verdict = db.prepare('PRAGMA quick_check(1)').get()?.quick_check
  if (verdict !== 'ok') throw corrupt(path, String(verdict))
}

class SqliteStore implements CatalogStore {
  readonly clusterId: string
  readonly isDurable: boolean
  readonly #db: DatabaseSync
  readonly #path: string
  readonly #nodeId: number
  readonly #logger: Logger
  readonly #incarnation: number
  readonly #changes: SqliteChanges
  readonly #begin: StatementSync
  readonly #commit: StatementSync
  readonly #savepoint: StatementSync
  readonly #release: StatementSync
  readonly #undo: StatementSync
  readonly #incarnationOf: StatementSync
  readonly #nextProducerId: StatementSync
  readonly #setNextProducerId: StatementSync
  readonly #walSync: WalSync
  #isSyncing = true
  /** A sync failed, and what the device has is not known any more: nothing is written before the next start. */
  #syncFailure: CatalogError | undefined
  /** For one log line a fault, not one a write. */
  #isFailing = false

  constructor(db: DatabaseSync, options: SqliteCatalogOptions) {
    const { path, nodeId, clusterId, logger, durable = false, fs = nodeFileSystem } = options
    this.#db = db
    this.#path = path
    this.#nodeId = nodeId
    this.#logger = logger
    this.isDurable = durable
    this.#changes = new SqliteChanges(db)
    this.#begin = db.prepare('BEGIN IMMEDIATE')
    this.#commit = db.prepare('COMMIT')
    this.#savepoint = db.prepare('SAVEPOINT one_write')
    this.#release = db.prepare('RELEASE one_write')
    this.#undo = db.prepare('ROLLBACK TO one_write')
    this.#incarnationOf = db.prepare('SELECT incarnation FROM nodes WHERE node_id = ?')
    this.#nextProducerId = db.prepare('SELECT next_producer_id FROM cluster')
    this.#setNextProducerId = db.prepare('UPDATE cluster SET next_producer_id = ?')
    const joined = this.#join(clusterId)
    this.clusterId = joined.clusterId
    this.#incarnation = joined.incarnation
    this.#walSync = new WalSync(fs, `${path}-wal`)
  }

  load(): CatalogImage {
    return this.#read(() => loadImage(this.#db))
  }

  loadGroups(): readonly StoredGroup[] {
    return this.#read(() => loadGroups(this.#db))
  }

  loadTransactions(): readonly StoredTransaction[] {
    return this.#read(() => loadTransactions(this.#db))
  }

  transaction(work: () => void, isVital: boolean): void {
    if (this.#syncFailure !== undefined) throw this.#syncFailure
    try {
      this.#syncCommits(isVital)
      this.#inTransaction(() => {
        if (this.#storedIncarnation() !== this.#incarnation)
          throw new CatalogError('FENCED', `another process has opened ${this.#path} as node ${this.#nodeId}`)
        work()
      })
    } catch (error) {
      if (isFailedSync(error)) throw this.#failSync(error)
      const fault = writeFault(error, this.#path)
      this.#report(fault)
      throw fault
    }
    this.#isFailing = false
  }

  async sync(): Promise<void> {
    try {
      await this.#walSync.sync()
    } catch (error) {
      throw this.#failSync(error)
    }
  }

  apply(changes: readonly CatalogChange[]): void {
    this.#savepoint.run()
    try {
      for (const change of changes) this.#changes.apply(change)
    } catch (error) {
      // A fault of the disk may have ended the transaction already, and the savepoint with it.
      if (this.#db.isTransaction) {
        this.#undo.run()
        this.#release.run()
      }
      throw error
    }
    this.#release.run()
  }

  takeProducerIds(count: number): number {
    const first = producerIdBlock(Number(this.#nextProducerId.get()?.next_producer_id), count)
    this.#setNextProducerId.run(first + count)
    return first
  }

  close(): void {
    this.#walSync.close()
    this.#db.close()
  }

  /** Takes the node's place from whoever had it. */
  #join(wanted: string | undefined): { clusterId: string; incarnation: number } {
    let joined = { clusterId: '', incarnation: 0 }
    this.#inTransaction(() => {
      const row = this.#db.prepare('SELECT cluster_id FROM cluster').get()
      const clusterId = String(row?.cluster_id ?? wanted ?? newClusterId(systemRandom))
      if (wanted !== undefined && wanted !== clusterId)
        throw new StorageError('INCOMPATIBLE', `${this.#path} belongs to cluster ${clusterId}, not to ${wanted}`, {
          path: this.#path,
        })
      if (row === undefined) this.#db.prepare('INSERT INTO cluster VALUES (1, ?, 0)').run(clusterId)
      const incarnation = this.#storedIncarnation() + 1
      this.#db.prepare('INSERT OR REPLACE INTO nodes VALUES (?, ?)').run(this.#nodeId, incarnation)
      joined = { clusterId, incarnation }
    })
    return joined
  }

  /** What is synced takes all commits before it along. */
  #syncCommits(isSyncing: boolean): void {
    if (isSyncing === this.#isSyncing) return
    this.#db.exec(`PRAGMA synchronous = ${isSyncing ? 'FULL' : 'NORMAL'}`)
    this.#isSyncing = isSyncing
  }

  #failSync(cause: unknown): CatalogError {
    if (this.#syncFailure === undefined) {
      this.#syncFailure = syncFault(cause, this.#path)
      this.#logger.error(this.#syncFailure.message, { error: cause })
    }
    return this.#syncFailure
  }

  #storedIncarnation(): number {
    return Number(this.#incarnationOf.get(this.#nodeId)?.incarnation ?? 0)
  }

  #inTransaction(work: () => void): void {
    this.#begin.run()
    try {
      work()
      this.#commit.run()
    } catch (error) {
      if (this.#db.isTransaction) this.#db.exec('ROLLBACK')
      throw error
    }
  }

  #read<T>(read: () => T): T {
    try {
      return read()
    } catch (error) {
      throw faultOf(error, this.#path)
    }
  }

  #report(fault: CatalogError): void {
    if (this.#isFailing) return
    this.#isFailing = true
    this.#logger.error(`catalog writes fail: ${fault.message}`, { code: fault.code })
  }
}
