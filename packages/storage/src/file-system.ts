/**
 * What the disk engine asks of a file system, and all of it: so that a test can put a disk in its place that tears, forgets and refuses at will.
 *
 * Reads and writes that the page cache answers are synchronous (2 µs against some 20 µs through the thread pool, see bench/micro/storage.ts); large reads
 * and whatever waits for the device are not. Every fault is a `StorageError`: DISK_FULL where space is all that is missing, else IO.
 */
export interface FileSystem {
  /** `create` makes the file if it is not there; the others answer undefined then. */
  open(path: string, mode: 'create'): OpenFile
  open(path: string, mode: 'write' | 'read'): OpenFile | undefined
  /** Names in the folder, in no order. Empty where there is no such folder. */
  list(folder: string): readonly string[]
  stat(path: string): FileStat | undefined
  /** Parents too. Answers false for one that is there already, and leaves it as it is. */
  makeFolder(path: string): boolean
  /** Replaces what has the new name. */
  rename(from: string, to: string): void
  /** A file, or a folder with all that is in it. Nothing there is no error. */
  remove(path: string): void
  /** The same beside everything else, where `remove` takes long: a file of a gigabyte keeps a disk busy for a quarter of a second. */
  removeLater?(path: string): Promise<void>
  /** Makes names that appeared in or went from the folder safe against a crash of the machine. */
  syncFolder(folder: string): Promise<void>
  /** Takes the file for this process until released or until the process ends, however it ends. Undefined when another one holds it. */
  lock(path: string): FileLock | undefined
  freeSpace(folder: string): { readonly totalBytes: number; readonly usableBytes: number }
}

export interface OpenFile {
  /** Fills `into` from `position` on and answers how much there was. */
  read(into: Uint8Array, position: number): number
  readLater(into: Uint8Array, position: number): Promise<number>
  /** All of it or a fault; after a fault any part may be written. */
  write(bytes: Uint8Array, position: number): void
  truncate(size: number): void
  /** Resolves when all that was written before the call is on the device. */
  sync(): Promise<void>
  close(): void
}

export interface FileStat {
  readonly sizeBytes: number
  readonly modifiedMs: number
  readonly isFolder: boolean
}

export interface FileLock {
  release(): void
}

/** The whole of a small file; undefined when it is not there. */
export function readSmallFile(fs: FileSystem, path: string): Buffer | undefined {
  const sizeBytes = fs.stat(path)?.sizeBytes
  const file = sizeBytes === undefined ? undefined : fs.open(path, 'read')
  if (file === undefined) return undefined
  try {
    const bytes = Buffer.alloc(sizeBytes!)
    return bytes.subarray(0, file.read(bytes, 0))
  } finally {
    file.close()
  }
}

/**
 * Puts a file in place so that after any crash there is the old one or the new one and nothing in between: written beside it, synced, renamed.
 */
export async function replaceFile(fs: FileSystem, path: string, bytes: Uint8Array): Promise<void> {
  const beside = `${path}.tmp`
  const file = fs.open(beside, 'create')
  try {
    file.truncate(0)
    file.write(bytes, 0)
    await file.sync()
  } finally {
    file.close()
  }
  fs.rename(beside, path)
  await fs.syncFolder(parentOf(path))
}

/** The same without waiting for the device, where a file that is lost or torn can be made again. */
export function writeSmallFile(fs: FileSystem, path: string, bytes: Uint8Array): void {
  const beside = `${path}.tmp`
  const file = fs.open(beside, 'create')
  try {
    file.truncate(0)
    file.write(bytes, 0)
  } finally {
    file.close()
  }
  fs.rename(beside, path)
}

export const parentOf = (path: string): string => path.slice(0, path.lastIndexOf('/')) || '/'
