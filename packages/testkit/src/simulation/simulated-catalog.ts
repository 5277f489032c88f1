/**
 * The catalog of a simulated broker: the rules of the memory catalog, kept as a journal on the simulated disk. SQLite needs real files, so what it promises is
 * modelled in its place: a transaction is written whole or not at all, a killed process loses none, and a power cut takes the last ones, from some transaction
 * on, unless it was synced. Its write-ahead log keeps the same promise in the same way: frames, each with a checksum, read up to the first bad one. An open
 * brings all that is there to the device, as SQLite's does, and after a sync that failed nothing is written any more.
 *
 *     uint32 length   uint32 crc32c of what follows   the changes of one transaction
 */
import { deserialize, serialize } from 'node:v8'
import { crc32c } from '@millrace/protocol'
import {
  type CatalogChange,
  CatalogError,
  type CatalogImage,
  type CatalogStore,
  MemoryStore,
  type OpenFile,
  type OwnedCatalog,
  type StoredGroup,
  TurnCatalog,
} from '@millrace/storage'
import type { FaultFileSystem } from '../fault-file-system.ts'

export const CATALOG_PATH = '/data/catalog.journal'
const CLUSTER_ID = 'simulated-cluster-0000'
const HEADER_BYTES = 8

export type JournalEntry = { readonly changes: readonly CatalogChange[] } | { readonly producerIds: number }

export interface JournalOptions {
  readonly durable: boolean
  /** Nothing reaches the device but when it is opened: for planted bugs. */
  readonly isNeverSynced?: boolean
  /** Entries as they are to be written: for planted bugs. */
  readonly written?: ((entries: readonly JournalEntry[]) => readonly JournalEntry[]) | undefined
  /** Called in the place of the write: for planted bugs. */
  readonly later?: ((write: () => void) => void) | undefined
}

export function openSimulatedCatalog(fs: FaultFileSystem, options: JournalOptions): OwnedCatalog {
  return new TurnCatalog(new JournaledStore(fs, options))
}

class JournaledStore implements CatalogStore {
  readonly clusterId = CLUSTER_ID
  readonly isDurable: boolean
  readonly #fs: FaultFileSystem
  readonly #options: JournalOptions
  #state: MemoryStore
  #file: OpenFile
  #size = 0
  #entries: JournalEntry[] = []
  #syncFailure: CatalogError | undefined

  constructor(fs: FaultFileSystem, options: JournalOptions) {
    this.#fs = fs
    this.#options = options
    this.isDurable = options.durable
    this.#file = fs.open(CATALOG_PATH, 'create')
    this.#state = this.#replayed()
    if (this.#size > 0) this.#file.write(Buffer.from(fs.contentOf(CATALOG_PATH)), 0)
    fs.syncNow(CATALOG_PATH)
  }

  load(): CatalogImage {
    return this.#state.load()
  }

  loadGroups(): readonly StoredGroup[] {
    return this.#state.loadGroups()
  }

  loadTransactions(): ReturnType<MemoryStore['loadTransactions']> {
    return this.#state.loadTransactions()
  }

  transaction(work: () => void, isVital: boolean): void {
    if (this.#syncFailure !== undefined) throw this.#syncFailure
    this.#entries = []
    work()
    const { later, written } = this.#options
    const entries = written === undefined ? this.#entries : written(this.#entries)
    if (entries.length === 0) return
    if (later !== undefined) return later(() => this.#write(entries, isVital))
    this.#write(entries, isVital)
  }

  async sync(): Promise<void> {
    if (this.#options.isNeverSynced === true) return
    try {
      await this.#file.sync()
    } catch (cause) {
      this.#syncFailure ??= new CatalogError('UNAVAILABLE', 'the journal could not be synced', { cause })
      throw this.#syncFailure
    }
  }

  apply(changes: readonly CatalogChange[]): void {
    this.#state.apply(changes)
    this.#entries.push({ changes })
  }

  takeProducerIds(count: number): number {
    const first = this.#state.takeProducerIds(count)
    this.#entries.push({ producerIds: count })
    return first
  }

  close(): void {
    this.#file.close()
  }

  #write(entries: readonly JournalEntry[], isSynced: boolean): void {
    const body = serialize(entries)
    const frame = Buffer.alloc(HEADER_BYTES + body.length)
    frame.writeUInt32BE(body.length, 0)
    frame.writeUInt32BE(crc32c(body), 4)
    body.copy(frame, HEADER_BYTES)
    try {
      this.#file.write(frame, this.#size)
      if (isSynced && this.#options.isNeverSynced !== true) this.#fs.syncNow(CATALOG_PATH)
    } catch (fault) {
      this.#takeBack()
      throw new CatalogError('UNAVAILABLE', 'the journal could not be written', { cause: fault })
    }
    this.#size += frame.length
  }

  /** As SQLite does: what did not commit is not there. */
  #takeBack(): void {
    if (this.#fs.isDead) return
    this.#file.truncate(this.#size)
    this.#state = this.#replayed()
  }

  #replayed(): MemoryStore {
    const state = new MemoryStore(CLUSTER_ID)
    const bytes = this.#fs.contentOf(CATALOG_PATH)
    let at = 0
    while (at + HEADER_BYTES <= bytes.length) {
      const end = at + HEADER_BYTES + bytes.readUInt32BE(at)
      if (end > bytes.length || end === at + HEADER_BYTES) break
      const body = bytes.subarray(at + HEADER_BYTES, end)
      if (crc32c(body) !== bytes.readUInt32BE(at + 4)) break
      for (const entry of deserialize(body) as JournalEntry[]) replay(state, entry)
      at = end
    }
    this.#size = at
    if (at < bytes.length) this.#file.truncate(at)
    return state
  }
}

function replay(state: MemoryStore, entry: JournalEntry): void {
  if ('producerIds' in entry) state.takeProducerIds(entry.producerIds)
  else state.apply(entry.changes)
}
