/**
 * A disk in memory that does what real ones do at the worst moment, the same way every time from one seed.
 *
 * Every file has what was written and what of it is on the device; every folder has its names and those of them that are on the device. So a killed process
 * (`afterKill`: the page cache survives) and a power cut (`afterPowerCut`: unsynced writes survive in part, torn, or out of order) can both be had of one run.
 */
import { assert, type Random } from '@millrace/base'
import { type FileLock, type FileStat, type FileSystem, type OpenFile, StorageError } from '@millrace/storage'

import { GrowingBytes, NOTHING, type PendingWrite } from './growing-bytes.ts'

export type FaultyOperation = 'open' | 'read' | 'write' | 'sync' | 'truncate' | 'rename' | 'remove'

export interface InjectedFault {
  readonly operation: FaultyOperation
  /** Only for paths that have this in them. */
  readonly path?: string
  readonly code: 'IO' | 'DISK_FULL'
  /** Of a write: bytes that are written before it fails. */
  readonly writtenBytes?: number
  /** How often. Without it: until `heal`. */
  readonly times?: number
}

class FileNode {
  readonly content: GrowingBytes
  /** What the device has. */
  readonly durable: GrowingBytes
  /** Since the last sync, in order. A truncation empties it and counts as done at once: recovery must bear the bytes being there or not. */
  pending: PendingWrite[] = []
  /** A truncation emptied `pending`: the next sync takes all that is there. */
  isCut = false
  #cutAt = Number.POSITIVE_INFINITY
  #syncsBegun = 0
  #lastSyncOver = 0
  modifiedMs = 0
  isLocked = false

  constructor(content: Buffer = NOTHING) {
    this.content = new GrowingBytes(content)
    this.durable = new GrowingBytes(content)
  }

  /** What is to be on the device when a sync that begins now has ended; whatever comes meanwhile is not part of it. */
  beginSync(): () => void {
    const { pending } = this
    const whole = this.isCut ? Buffer.from(this.content.bytes) : undefined
    const count = pending.length
    const number = ++this.#syncsBegun
    return () => {
      // One that began later and is over has taken all of this along.
      if (number < this.#lastSyncOver) return
      this.#lastSyncOver = number
      if (whole !== undefined) this.durable.replace(whole)
      for (const write of pending.slice(0, count)) this.durable.write(write)
      if (this.pending === pending) {
        this.pending = pending.slice(count)
        this.isCut = false
      } else if (this.durable.length > this.#cutAt) this.durable.resize(this.#cutAt)
      this.#cutAt = Number.POSITIVE_INFINITY
    }
  }

  /** The same file under the next process: the page cache has outlived the one before. */
  survivor(): FileNode {
    const next = new FileNode(this.durable.bytes)
    next.content.replace(this.content.bytes)
    next.pending = [...this.pending]
    next.isCut = this.isCut
    next.#cutAt = this.#cutAt
    return next
  }

  cut(size: number): void {
    this.content.resize(size)
    if (size < this.durable.length) this.durable.resize(size)
    this.pending = []
    this.isCut = true
    this.#cutAt = Math.min(this.#cutAt, size)
  }

  /** The kernel reports a failed write-back once and drops the pages: nothing later brings them to the device. */
  failSync(): void {
    this.pending = []
  }
}

class FolderNode {
  names = new Map<string, Node>()
  durable = new Map<string, Node>()
}

type Node = FileNode | FolderNode

export class FaultFileSystem implements FileSystem {
  /** Bytes that all files together may take. */
  capacityBytes = Number.POSITIVE_INFINITY
  nowMs = 0
  syncCount = 0
  /** Syncs succeed and do nothing: a planted fault that shows whether a test would notice a sync that is missing. */
  liesAboutSyncs = false
  /** Before anything that waits for the device: how long it takes, as a promise. Without it nothing waits. */
  delay: ((operation: 'sync' | 'read', path: string) => Promise<void> | undefined) | undefined
  /** Told once, in the middle of the operation that is the last. */
  onDeath: (() => void) | undefined
  #root = new FolderNode()
  #faults: { fault: InjectedFault; left: number }[] = []
  #stepsLeft = Number.POSITIVE_INFINITY
  #isDead = false

  /** From now on the operation fails. */
  inject(fault: InjectedFault): void {
    this.#faults.push({ fault, left: fault.times ?? Number.POSITIVE_INFINITY })
  }

  heal(): void {
    this.#faults = []
    this.capacityBytes = Number.POSITIVE_INFINITY
  }

  /** The process dies after so many steps: a byte written is one, and so is every name that is made, changed or removed. */
  killAfter(steps: number): void {
    this.#stepsLeft = steps
  }

  get usedBytes(): number {
    return usedBytes(this.#root)
  }

  get isDead(): boolean {
    return this.#isDead
  }

  /** What the next process finds after this one was killed: everything that was written, on the device or not. This one can do nothing any more. */
  afterKill(): FaultFileSystem {
    this.#isDead = true
    return this.#survivor(
      folder => [folder.names, folder.durable],
      file => file.survivor(),
    )
  }

  /** What is there when the power comes back. */
  afterPowerCut(random: Random): FaultFileSystem {
    this.#isDead = true
    return this.#survivor(
      folder => {
        const names = someNames(folder, random)
        return [names, names]
      },
      file => new FileNode(tornContent(file, random)),
    )
  }

  /** The bytes of a file, for tests to look at and to garble. */
  contentOf(path: string): Buffer {
    const node = this.#find(path)
    assert(node instanceof FileNode, `${path} is no file`)
    return node.content.bytes
  }

  garble(path: string, change: (content: Buffer) => Buffer): void {
    const node = this.#find(path)
    assert(node instanceof FileNode, `${path} is no file`)
    const changed = change(Buffer.from(node.content.bytes))
    node.content.replace(changed)
    node.durable.replace(changed)
    node.pending = []
  }

  /** What the device has of a file, under a name that it has; undefined without one. */
  durableContentOf(path: string): Buffer | undefined {
    let node: Node | undefined = this.#root
    for (const name of partsOf(path)) node = node instanceof FolderNode ? node.durable.get(name) : undefined
    return node instanceof FileNode ? node.durable.bytes : undefined
  }

  /** Of what is on the device, and of the page cache that was read from there. */
  flipBit(path: string, bit: number): void {
    const node = this.#find(path)
    assert(node instanceof FileNode, `${path} is no file`)
    const position = bit >> 3
    for (const bytes of [node.content, node.durable])
      if (position < bytes.length)
        bytes.write({ position, bytes: Buffer.of(bytes.bytes[position]! ^ (1 << (bit & 7))) })
  }

  /** A sync that the caller waits for on the spot, as a database does: the file and its name. */
  syncNow(path: string): void {
    this.#check('sync', path)
    this.syncCount++
    const node = this.#find(path)
    assert(node instanceof FileNode, `${path} is no file`)
    if (this.liesAboutSyncs) return
    node.beginSync()()
    const parent = this.#parent(path)
    parent.durable.set(nameOf(path), node)
  }

  open(path: string, mode: 'create'): OpenFile
  open(path: string, mode: 'write' | 'read'): OpenFile | undefined
  open(path: string, mode: 'create' | 'write' | 'read'): OpenFile | undefined {
    this.#check('open', path)
    let node = this.#find(path)
    if (node === undefined) {
      if (mode !== 'create') return undefined
      this.#step(path)
      node = new FileNode()
      node.modifiedMs = this.nowMs
      this.#parent(path).names.set(nameOf(path), node)
    }
    if (node instanceof FolderNode) throw new StorageError('IO', `${path} is a folder`)
    return this.#handle(path, node)
  }

  list(folder: string): readonly string[] {
    this.#alive()
    const node = this.#find(folder)
    return node instanceof FolderNode ? [...node.names.keys()] : []
  }

  stat(path: string): FileStat | undefined {
    this.#alive()
    const node = this.#find(path)
    if (node === undefined) return undefined
    return node instanceof FileNode
      ? { sizeBytes: node.content.length, modifiedMs: node.modifiedMs, isFolder: false }
      : { sizeBytes: 0, modifiedMs: 0, isFolder: true }
  }

  makeFolder(path: string): boolean {
    let folder = this.#root
    let isNew = false
    for (const name of partsOf(path)) {
      let next = folder.names.get(name)
      if (next === undefined) {
        this.#step(path)
        next = new FolderNode()
        folder.names.set(name, next)
        isNew = true
      }
      if (next instanceof FileNode) throw new StorageError('IO', `${path} goes through a file`)
      folder = next
    }
    return isNew
  }

  rename(from: string, to: string): void {
    this.#check('rename', from)
    const node = this.#find(from)
    if (node === undefined) throw new StorageError('IO', `${from} is not there`)
    this.#step(from)
    this.#parent(from).names.delete(nameOf(from))
    this.#parent(to).names.set(nameOf(to), node)
  }

  remove(path: string): void {
    this.#check('remove', path)
    if (this.#find(path) === undefined) return
    this.#step(path)
    this.#parent(path).names.delete(nameOf(path))
  }

  async syncFolder(path: string): Promise<void> {
    this.#check('sync', path)
    const node = this.#find(path)
    const names = node instanceof FolderNode ? new Map(node.names) : undefined
    if (this.delay !== undefined) await this.#delayed('sync', path)
    if (this.liesAboutSyncs) return
    if (node instanceof FolderNode && names !== undefined) node.durable = names
  }

  lock(path: string): FileLock | undefined {
    const file = this.open(path, 'create')
    file.close()
    const node = this.#find(path) as FileNode
    if (node.isLocked) return undefined
    node.isLocked = true
    return {
      release: () => {
        node.isLocked = false
      },
    }
  }

  freeSpace(): { totalBytes: number; usableBytes: number } {
    const totalBytes = Math.min(this.capacityBytes, Number.MAX_SAFE_INTEGER)
    return { totalBytes, usableBytes: Math.max(0, totalBytes - usedBytes(this.#root)) }
  }

  #handle(path: string, node: FileNode): OpenFile {
    let isOpen = true
    const use = (operation: FaultyOperation): void => {
      assert(isOpen, `${path} was closed`)
      this.#check(operation, path)
    }
    const read = (into: Uint8Array, position: number): number => {
      use('read')
      return node.content.bytes.copy(into, 0, position)
    }
    return {
      read,
      readLater: async (into, position) => {
        if (this.delay !== undefined) await this.#delayed('read', path)
        return read(into, position)
      },
      write: (bytes, position) => {
        assert(isOpen, `${path} was closed`)
        this.#write(path, node, { bytes: Buffer.from(bytes), position })
      },
      truncate: size => {
        use('truncate')
        if (size === node.content.length) return
        this.#step(path)
        node.cut(size)
      },
      sync: async () => {
        assert(isOpen, `${path} was closed`)
        try {
          this.#check('sync', path)
        } catch (fault) {
          if (!this.#isDead) node.failSync()
          throw fault
        }
        this.syncCount++
        const done = node.beginSync()
        if (this.delay !== undefined) await this.#delayed('sync', path)
        if (!this.liesAboutSyncs) done()
      },
      close: () => {
        isOpen = false
      },
    }
  }

  #write(path: string, node: FileNode, write: PendingWrite): void {
    this.#alive()
    const fault = this.#take('write', path)
    const isBounded = this.capacityBytes !== Number.POSITIVE_INFINITY
    const room = isBounded ? this.capacityBytes - usedBytes(this.#root) : this.capacityBytes
    const growth = Math.max(0, write.position + write.bytes.length - node.content.length)
    const isFull = growth > room
    let count = write.bytes.length
    if (fault !== undefined) count = Math.min(count, fault.writtenBytes ?? 0)
    if (isFull) count = Math.min(count, Math.max(0, count - (growth - Math.max(0, room))))
    const dies = count > this.#stepsLeft
    if (dies) count = this.#stepsLeft
    this.#stepsLeft -= count
    this.#apply(node, { position: write.position, bytes: write.bytes.subarray(0, count) })
    if (dies) {
      this.#die()
      this.#alive()
    }
    if (fault !== undefined) throw faultAt(path, fault.code)
    if (isFull) throw faultAt(path, 'DISK_FULL')
  }

  #apply(node: FileNode, { position, bytes }: PendingWrite): void {
    if (bytes.length === 0) return
    node.content.write({ position, bytes })
    node.pending.push({ position, bytes })
    node.modifiedMs = this.nowMs
  }

  #check(operation: FaultyOperation, path: string): void {
    this.#alive()
    const fault = this.#take(operation, path)
    if (fault !== undefined) throw faultAt(path, fault.code)
  }

  #take(operation: FaultyOperation, path: string): InjectedFault | undefined {
    const armed = this.#faults.find(
      ({ fault, left }) => left > 0 && fault.operation === operation && path.includes(fault.path ?? ''),
    )
    if (armed !== undefined) armed.left--
    return armed?.fault
  }

  #step(path: string): void {
    this.#alive()
    if (this.#stepsLeft <= 0) this.#die()
    this.#alive(path)
    this.#stepsLeft--
  }

  #die(): void {
    this.#isDead = true
    this.onDeath?.()
  }

  /** A process that was killed meanwhile never hears of it. */
  async #delayed(operation: 'sync' | 'read', path: string): Promise<void> {
    await this.delay?.(operation, path)
    this.#alive(path)
  }

  #alive(path = ''): void {
    if (this.#isDead) throw new StorageError('IO', `the process was killed ${path}`)
  }

  #find(path: string): Node | undefined {
    let node: Node | undefined = this.#root
    for (const name of partsOf(path)) node = node instanceof FolderNode ? node.names.get(name) : undefined
    return node
  }

  #parent(path: string): FolderNode {
    const node = this.#find(path.slice(0, path.lastIndexOf('/')))
    if (!(node instanceof FolderNode)) throw new StorageError('IO', `the folder of ${path} is not there`)
    return node
  }

  #survivor(
    namesOf: (folder: FolderNode) => readonly [names: Map<string, Node>, durable: Map<string, Node>],
    fileOf: (file: FileNode) => FileNode,
  ): FaultFileSystem {
    const next = new FaultFileSystem()
    next.nowMs = this.nowMs
    const copies = new Map<Node, Node>()
    const copy = (node: Node): Node => {
      const known = copies.get(node)
      if (known !== undefined) return known
      const fresh = node instanceof FileNode ? fileOf(node) : new FolderNode()
      copies.set(node, fresh)
      if (node instanceof FileNode && fresh instanceof FileNode) fresh.modifiedMs = node.modifiedMs
      else if (node instanceof FolderNode && fresh instanceof FolderNode) {
        const [names, durable] = namesOf(node)
        for (const [name, child] of names) fresh.names.set(name, copy(child))
        for (const [name, child] of durable) fresh.durable.set(name, copy(child))
      }
      return fresh
    }
    next.#root = copy(this.#root) as FolderNode
    return next
  }
}

/** Each change of names since the last sync happened or did not. What was renamed has one name or the other: file systems write both in one step. */
function someNames(folder: FolderNode, random: Random): Map<string, Node> {
  const names = new Map(folder.durable)
  const nameBefore = new Map([...folder.durable].map(([name, node]) => [node, name]))
  for (const [name, node] of folder.names) {
    if (folder.durable.get(name) === node || random.integer(2) !== 0) continue
    names.set(name, node)
    const before = nameBefore.get(node)
    if (before !== undefined && names.get(before) === node) names.delete(before)
  }
  const isHere = new Set(folder.names.values())
  for (const [name, node] of folder.durable)
    if (!folder.names.has(name) && !isHere.has(node) && random.integer(2) === 0) names.delete(name)
  return names
}

/** Unsynced writes reach the device in any order and any part; what lies between them is zeros. */
function tornContent(file: FileNode, random: Random): Buffer {
  const content = new GrowingBytes(file.durable.bytes)
  const inOrder = random.integer(2) === 0
  let lost = false
  for (const { position, bytes } of file.pending) {
    if (inOrder && lost) break
    const fate = random.integer(3)
    if (fate === 0) lost = true
    const kept = fate === 0 ? 0 : fate === 1 ? bytes.length : random.integer(bytes.length + 1)
    if (kept < bytes.length) lost = true
    if (kept === 0) continue
    content.write({ position, bytes: bytes.subarray(0, kept) })
  }
  return content.bytes
}

function usedBytes(node: Node): number {
  if (node instanceof FileNode) return node.content.length
  let sum = 0
  for (const child of node.names.values()) sum += usedBytes(child)
  return sum
}

const faultAt = (path: string, code: 'IO' | 'DISK_FULL'): StorageError =>
  new StorageError(code, `${path}: injected ${code}`, { path })

const partsOf = (path: string): string[] => path.split('/').filter(part => part !== '')
const nameOf = (path: string): string => path.slice(path.lastIndexOf('/') + 1)
