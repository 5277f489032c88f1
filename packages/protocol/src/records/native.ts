/**
 * Optional native packages. Every one of them has a stand-in written in TypeScript, so a platform without a prebuilt
 * binary loses speed and nothing else. Loaded once, synchronously: codecs run inside one event-loop turn.
 */
import { createRequire } from 'node:module'

export interface NativeCrc32 {
  crc32c(input: Uint8Array, initialState?: number): number
}

export interface NativeSnappy {
  compressSync(input: Uint8Array, options?: { readonly copyOutputData?: boolean }): Buffer
  uncompressSync(input: Uint8Array, options?: { readonly copyOutputData?: boolean }): Buffer | string
}

export interface NativeLz4 {
  compressFrameSync(input: Uint8Array): Buffer
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
export const nativeLz4 = load('lz4-napi') as NativeLz4 | undefined
