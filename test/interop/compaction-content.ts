// What a compacted partition holds, line by line, without how it lies in batches and segments: two brokers that were written to at different speeds have
// the same records at the same offsets in batches of different sizes.
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import {
  batchPositions,
  crc32c,
  hasValidCrc,
  isControl,
  isTransactional,
  lastOffsetOf,
  producerEpochOf,
  producerIdOf,
  readControlRecord,
  readRecords,
  recordCountOf,
} from '@millrace/protocol'

export interface Content {
  /** A line for each record, marker and bare header, by offset. */
  readonly lines: readonly string[]
  readonly records: number
  readonly markers: number
  readonly bytes: number
}

export function contentOf(folder: string): Content {
  const lines: string[] = []
  const producers = new Map<number, number>()
  const counts = { records: 0, markers: 0, bytes: 0 }
  for (const base of segmentsOf(folder)) {
    const log = readFileSync(join(folder, `${String(base).padStart(20, '0')}.log`))
    counts.bytes += log.length
    for (const at of batchPositions(log)) {
      if (!hasValidCrc(log, at))
        throw new Error(`${folder}: segment ${base} has a batch at ${at} with a wrong checksum`)
      const producer = producerOf(log, at, producers)
      if (recordCountOf(log, at) === 0) lines.push(`${lastOffsetOf(log, at)} empty ${producer}`)
      else if (isControl(log, at)) {
        counts.markers++
        lines.push(`${lastOffsetOf(log, at)} ${readControlRecord(log, at)?.kind} ${producer}`)
      } else {
        for (const { offset, timestamp, key, value, headers } of readRecords(log, at, { maxBytes: 1 << 28 })) {
          counts.records++
          const headed = headers.map(header => `${header.key}=${header.value?.toString('hex')}`).join(',')
          lines.push(`${offset} ${timestamp} ${key} ${value === null ? 'null' : crc32c(value)} ${headed} ${producer}`)
        }
      }
    }
  }
  return { lines, ...counts }
}

/** Their ids are the brokers' own; in which order they come is not. */
function producerOf(log: Buffer, at: number, producers: Map<number, number>): string {
  const id = producerIdOf(log, at)
  if (id < 0) return '-'
  if (!producers.has(id)) producers.set(id, producers.size)
  return `${producers.get(id)}/${producerEpochOf(log, at)}${isTransactional(log, at) ? ' transactional' : ''}`
}

export const segmentsOf = (folder: string): number[] =>
  readdirSync(folder)
    .filter(name => /^\d{20}\.log$/.test(name))
    .map(name => Number(name.slice(0, 20)))
    .sort((a, b) => a - b)

export function compareContent(one: Content, other: Content, names: readonly [string, string]): void {
  for (let i = 0; i < Math.max(one.lines.length, other.lines.length); i++)
    if (one.lines[i] !== other.lines[i])
      throw new Error(
        `differs at line ${i}\n  ${names[0]}: ${one.lines[i] ?? 'nothing'}\n  ${names[1]}: ${other.lines[i] ?? 'nothing'}`,
      )
}
