/** Segments of Kafka's internal topics, as tests write them. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { BatchBuilder, type BatchFields, Writer } from '@millrace/protocol'

export function newFolder(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-import-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

export type Entry = readonly [key: Buffer | null, value: Buffer | null]

export function batchOf(baseOffset: number, entries: readonly Entry[], fields: Partial<BatchFields> = {}): Buffer {
  const builder = new BatchBuilder(1024)
  for (const [key, value] of entries) builder.append({ timestamp: 1000, key, value })
  return builder.build({ ...fields, baseOffset })
}

export function writeSegment(folder: string, name: string, batches: readonly Buffer[]): void {
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, name), Buffer.concat(batches))
}

/** A record of the metadata log. */
export const framed = (type: number, fields: Buffer): Entry => [
  null,
  Buffer.concat([Buffer.from([1, type, 0]), fields]),
]

export function offsetKey(group: string, topic: string, partition: number): Buffer {
  const w = new Writer()
  w.int16(1)
  for (const text of [group, topic]) {
    w.int16(Buffer.byteLength(text))
    w.bytes(Buffer.from(text))
  }
  w.int32(partition)
  return w.finish()
}

/** Version 3, the last one that is not flexible. */
export function offsetValue(offset: number, metadata = ''): Buffer {
  const w = new Writer()
  w.int16(3)
  w.long(offset)
  w.int32(7)
  w.int16(metadata.length)
  w.bytes(Buffer.from(metadata))
  w.long(1000)
  return w.finish()
}
