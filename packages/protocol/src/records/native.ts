/**
 * Optional native packages. Every one of them has a stand-in written in TypeScript, so a platform without a prebuilt
 * binary loses speed and nothing else. Loaded once, synchronously: codecs run inside one event-loop turn. And loaded when they are first asked for: the
 * linker looks for their symbols all through Node, which takes 10 ms and 8 MB that a start and a broker without large records need not pay.
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

function optional<T>(name: string): () => T | undefined {
  let loaded: T | undefined
  let wasTried = false
  return () => {
    if (wasTried) return loaded
    wasTried = true
    try {
      loaded = require(name) as T
    } catch {
      loaded = undefined
    }
    return loaded
  }
}

export const nativeCrc32 = optional<NativeCrc32>('@node-rs/crc32')
export const nativeSnappy = optional<NativeSnappy>('snappy')
