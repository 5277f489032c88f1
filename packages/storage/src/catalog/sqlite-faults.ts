/** What SQLite says went wrong, in our terms. */

import { StorageError, type StorageErrorCode } from '../engine.ts'
import { CatalogError } from './catalog.ts'

/** The result codes of SQLite's C interface that mean something to us; an extended code has its primary one in the low byte. */
const codes: Readonly<Record<number, StorageErrorCode>> = {
  5: 'LOCKED', // SQLITE_BUSY
  6: 'LOCKED', // SQLITE_LOCKED
  11: 'CORRUPT', // SQLITE_CORRUPT
  13: 'DISK_FULL', // SQLITE_FULL
  26: 'CORRUPT', // SQLITE_NOTADB
}

/** The error of an operation on the file at `path` that failed with `cause`. */
export function faultOf(cause: unknown, path: string): StorageError {
  if (cause instanceof StorageError) return cause
  const code = codes[primaryCode(cause)] ?? 'IO'
  return new StorageError(code, describe(code, cause, path), { cause, path })
}

/** The same for a write: it was rolled back, and a later one may succeed. */
export function writeFault(cause: unknown, path: string): CatalogError {
  if (cause instanceof CatalogError) return cause
  const fault = faultOf(cause, path)
  return new CatalogError('UNAVAILABLE', fault.message, { cause: fault })
}

/** SQLITE_IOERR_FSYNC and SQLITE_IOERR_DIR_FSYNC. */
const SYNC_CODES: ReadonlySet<number> = new Set([1034, 1290])

export const isFailedSync = (cause: unknown): boolean => SYNC_CODES.has(extendedCode(cause))

/** Of everything that waited for the sync, and of all that comes after it. */
export function syncFault(cause: unknown, path: string): CatalogError {
  const message =
    `the catalog ${path} could not be synced to its disk, and takes no more writes until the broker is started again: ` +
    'check the disk, then restart it'
  return new CatalogError('UNAVAILABLE', message, { cause: new StorageError('IO', message, { cause, path }) })
}

export function corrupt(path: string, detail: string): StorageError {
  return new StorageError('CORRUPT', corruptText(path, detail), { path })
}

const primaryCode = (cause: unknown): number => extendedCode(cause) & 0xff

/** -1 is the code of nothing. */
function extendedCode(cause: unknown): number {
  return cause instanceof Error && 'errcode' in cause ? Number(cause.errcode) : -1
}

function describe(code: StorageErrorCode, cause: unknown, path: string): string {
  const detail = cause instanceof Error ? cause.message : String(cause)
  if (code === 'CORRUPT') return corruptText(path, detail)
  if (code === 'DISK_FULL') return `no room for the catalog ${path}: free some space on its disk (${detail})`
  if (code === 'LOCKED') return `the catalog ${path} is held by another process (${detail})`
  return `the catalog ${path} cannot be read or written (${detail})`
}

function corruptText(path: string, detail: string): string {
  return (
    `the catalog ${path} is damaged (${detail}). The partition logs beside it are not concerned. Stop the broker, move ${path}, ${path}-wal and ` +
    `${path}-shm aside, and put a backup in their place or what "sqlite3 ${path} .recover" still finds.`
  )
}
