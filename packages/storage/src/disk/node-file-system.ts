/** The real disk. The only file of the engine that knows node:fs. */
import {
  accessSync,
  closeSync,
  constants,
  fdatasync,
  fsync,
  ftruncateSync,
  mkdirSync,
  openSync,
  read,
  readdirSync,
  readSync,
  renameSync,
  rm,
  rmSync,
  statfsSync,
  statSync,
  writeSync,
} from 'node:fs'
import { dirname } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { StorageError } from '../engine.ts'
import type { FileLock, FileStat, FileSystem, OpenFile } from '../file-system.ts'

const DISK_FULL_CODES: ReadonlySet<string> = new Set(['ENOSPC', 'EDQUOT', 'EFBIG'])
const SQLITE_BUSY = 5

export const nodeFileSystem: FileSystem = {
  open: openFile as FileSystem['open'],
  list: folder => (missingIsUndefined(folder, () => readdirSync(folder)) ?? []) as readonly string[],
  stat: path => missingIsUndefined(path, () => statOf(path)),
  makeFolder: path => attempt(path, () => makeFolder(path)),
  rename: (from, to) => attempt(from, () => renameSync(from, to)),
  remove: path => attempt(path, () => rmSync(path, { recursive: true, force: true })),
  removeLater: path => later(path, done => rm(path, { recursive: true, force: true }, done)),
  syncFolder,
  lock,
  freeSpace: folder =>
    attempt(folder, () => {
      const { blocks, bavail, bsize } = statfsSync(folder)
      return { totalBytes: blocks * bsize, usableBytes: bavail * bsize }
    }),
}

/** Step by step: Node's recursive mkdir never returns where a parent is there and still answers ENOENT, as /proc does. */
function makeFolder(path: string): boolean {
  try {
    mkdirSync(path)
    return true
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException
    if (code === 'EEXIST' && statSync(path).isDirectory()) return false
    const parent = dirname(path)
    if (code !== 'ENOENT' || statSync(parent, { throwIfNoEntry: false }) !== undefined) throw cause
    makeFolder(parent)
    mkdirSync(path)
    return true
  }
}

class NodeFile implements OpenFile {
  readonly #fd: number
  readonly #path: string

  constructor(fd: number, path: string) {
    this.#fd = fd
    this.#path = path
  }

  read(into: Uint8Array, position: number): number {
    return attempt(this.#path, () => {
      let filled = 0
      while (filled < into.length) {
        const count = readSync(this.#fd, into, filled, into.length - filled, position + filled)
        if (count === 0) break
        filled += count
      }
      return filled
    })
  }

  async readLater(into: Uint8Array, position: number): Promise<number> {
    let filled = 0
    while (filled < into.length) {
      const count = await this.#readOnce(into.subarray(filled), position + filled)
      if (count === 0) break
      filled += count
    }
    return filled
  }

  write(bytes: Uint8Array, position: number): void {
    attempt(this.#path, () => {
      let written = 0
      while (written < bytes.length)
        written += writeSync(this.#fd, bytes, written, bytes.length - written, position + written)
    })
  }

  truncate(size: number): void {
    attempt(this.#path, () => ftruncateSync(this.#fd, size))
  }

  /** fdatasync writes the size too when it changed, and spares the times. */
  sync(): Promise<void> {
    return later(this.#path, done => fdatasync(this.#fd, done))
  }

  close(): void {
    attempt(this.#path, () => closeSync(this.#fd))
  }

  #readOnce(into: Uint8Array, position: number): Promise<number> {
    return new Promise((resolve, reject) => {
      read(this.#fd, into, 0, into.length, position, (error, count) => {
        if (error === null) resolve(count)
        else reject(faultOf(this.#path, error))
      })
    })
  }
}

/** Never with the flag `a`, which would ignore the position of a write. */
function openFile(path: string, mode: 'create' | 'write' | 'read'): OpenFile | undefined {
  if (mode === 'create') {
    const made = attempt(path, () => openSync(path, constants.O_RDWR | constants.O_CREAT))
    return new NodeFile(made, path)
  }
  const fd = missingIsUndefined(path, () => openSync(path, mode === 'read' ? 'r' : 'r+'))
  return fd === undefined ? undefined : new NodeFile(fd, path)
}

function statOf(path: string): FileStat {
  const stat = statSync(path)
  return { sizeBytes: stat.size, modifiedMs: stat.mtimeMs, isFolder: stat.isDirectory() }
}

async function syncFolder(folder: string): Promise<void> {
  const fd = attempt(folder, () => openSync(folder, 'r'))
  try {
    await later(folder, done => fsync(fd, done))
  } finally {
    closeSync(fd)
  }
}

/** Kept here, or garbage collection would close a database that nobody looks at any more, and with it the lock. */
const held = new Set<DatabaseSync>()

/**
 * Node has no flock. SQLite takes POSIX record locks, which the kernel drops with the process, which hold between containers that share the
 * folder, and which Kafka's own lock on the same file respects and is respected by. The file stays empty. See docs/decisions/0004.
 */
function lock(path: string): FileLock | undefined {
  const database = attempt(path, () => {
    // SQLite says no more than that it cannot open the file; this says why.
    accessSync(dirname(path), constants.R_OK | constants.W_OK | constants.X_OK)
    return new DatabaseSync(path, { timeout: 0 })
  })
  try {
    database.exec('PRAGMA journal_mode = MEMORY')
    database.exec('BEGIN EXCLUSIVE')
    held.add(database)
    return {
      release: () => {
        held.delete(database)
        database.close()
      },
    }
  } catch (error) {
    database.close()
    if ((error as { errcode?: number }).errcode === SQLITE_BUSY) return undefined
    throw faultOf(path, error)
  }
}

function later(path: string, run: (done: (error: Error | null) => void) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    run(error => {
      if (error === null || error === undefined) resolve()
      else reject(faultOf(path, error))
    })
  })
}

function attempt<T>(path: string, run: () => T): T {
  try {
    return run()
  } catch (error) {
    throw faultOf(path, error)
  }
}

function missingIsUndefined<T>(path: string, run: () => T): T | undefined {
  try {
    return run()
  } catch (error) {
    if (codeOf(error) === 'ENOENT' || codeOf(error) === 'ENOTDIR') return undefined
    throw faultOf(path, error)
  }
}

const codeOf = (error: unknown): string => (error as { code?: string }).code ?? ''

function faultOf(path: string, cause: unknown): StorageError {
  const code = DISK_FULL_CODES.has(codeOf(cause)) ? 'DISK_FULL' : 'IO'
  return new StorageError(code, code === 'DISK_FULL' ? `no space left for ${path}` : sentenceOf(path, cause), {
    cause,
    path,
  })
}

/** What an operator can mend, without the system's own abbreviations. */
const reasons: Readonly<Record<string, string>> = {
  EACCES: 'may not be read or written by this user',
  EPERM: 'may not be read or written by this user',
  EROFS: 'is on a file system that is read-only',
  ENOTDIR: 'is not a folder',
  EEXIST: 'is there already and is not a folder',
  EMFILE: 'cannot be opened: too many files are open (raise ulimit -n)',
}

function sentenceOf(path: string, cause: unknown): string {
  const reason = reasons[codeOf(cause)]
  if (reason !== undefined) return `${path} ${reason}`
  return `${path}: ${cause instanceof Error ? cause.message : String(cause)}`
}
