/**
 * What a catalog and a node in another thread say to each other. One message is all that was due in a turn, in order.
 *
 *   node                                  catalog
 *   ask write, load, …        ──────►
 *                             ◄──────     changes      another node's, or told (of one's own write: it is committed)
 *   taken  (shared changes)   ──────►
 *                             ◄──────     done         after every node has taken the changes in
 */
import { StorageError, type StorageErrorCode } from '../engine.ts'
import { type CatalogChange, CatalogError, type CatalogErrorCode, type CatalogWriteOptions } from './catalog.ts'

/** One end of a channel between two threads: a `MessagePort`, or anything that keeps the order of messages. */
export interface MessagePipe {
  postMessage(message: unknown): void
  on(event: 'message', listener: (message: unknown) => void): unknown
  close(): void
}

export type LoadedPart = 'image' | 'groups' | 'transactions'

export type ToCatalog =
  | {
      readonly kind: 'write'
      readonly id: number
      readonly changes: readonly CatalogChange[]
      readonly options: CatalogWriteOptions
    }
  | { readonly kind: 'load'; readonly id: number; readonly part: LoadedPart }
  | { readonly kind: 'allocate'; readonly id: number; readonly count: number }
  | { readonly kind: 'taken'; readonly round: number }

export type FromCatalog =
  /** Changes that another node made. With a round, `taken` is waited for. */
  | { readonly kind: 'changes'; readonly changes: readonly CatalogChange[]; readonly round: number }
  | { readonly kind: 'told'; readonly id: number }
  | { readonly kind: 'done'; readonly id: number; readonly value: unknown }
  | { readonly kind: 'failed'; readonly id: number; readonly fault: SentFault }

/** Errors lose their class on the way. */
export interface SentFault {
  readonly name: 'CatalogError' | 'StorageError' | 'Error'
  readonly code: string
  readonly message: string
  readonly path: string | undefined
}

export function sentFault(error: unknown): SentFault {
  const message = error instanceof Error ? error.message : String(error)
  if (error instanceof CatalogError) return { name: 'CatalogError', code: error.code, message, path: undefined }
  if (error instanceof StorageError) return { name: 'StorageError', code: error.code, message, path: error.path }
  return { name: 'Error', code: '', message, path: undefined }
}

export function receivedFault({ name, code, message, path }: SentFault): Error {
  if (name === 'CatalogError') return new CatalogError(code as CatalogErrorCode, message)
  if (name === 'StorageError')
    return new StorageError(code as StorageErrorCode, message, path === undefined ? {} : { path })
  return new Error(message)
}
