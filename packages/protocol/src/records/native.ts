/**
 * Optional native packages. Every one of them has a stand-in written in TypeScript, so a platform without a prebuilt
 * binary loses speed and nothing else. Loaded once, synchronously: codecs run inside one event-loop turn.
 */
import { createRequire } from 'node:module'

export interface NativeCrc32 {
  crc32c(input: Uint8Array, initialState?: number): number
}

export interface NativeSnappy {
  compressSync(input: Uint8Array, options: NativeSnappyOptions): Buffer
  uncompressSync(input: Uint8Array, options: NativeSnappyOptions): Buffer | string
}

export interface NativeSnappyOptions {
  /** Without it each result is memory outside the heap with a finalizer: three times slower here, and late to be freed. */
  readonly copyOutputData: true
}

const require = createRequire(import.meta.url)

function load(name: string): unknown {
  try {
    return require(name)
  } catch {
    return undefined
  }
}

export const nativeCrc32 = load('@node-rs/crc32') as NativeCrc32 | undefined
export const nativeSnappy = load('snappy') as NativeSnappy | undefined
