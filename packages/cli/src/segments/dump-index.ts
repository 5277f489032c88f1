/** What the small files beside a segment say, entry by entry. Formats: see the storage package. */
import { readFileSync } from 'node:fs'
import { int64At } from '@millrace/protocol'
import { decodeSnapshot, parseLeaderEpochs, parseOffsetCheckpoint, parsePartitionMetadata } from '@millrace/storage'
import { isoTime } from '../records/format.ts'
import { CliError } from '../shared/cli-error.ts'
import type { Column } from '../shared/table.ts'

export interface Dump<Row = unknown> {
  readonly columns: readonly Column<Row>[]
  readonly rows: readonly Row[]
  /** What does not fit. */
  readonly problem?: string
}

type Row = Readonly<Record<string, string | number | null>>

const column = (title: string, name: string): Column<Row> => ({ title, cell: row => row[name] ?? null })

export function dumpOffsetIndex(path: string, baseOffset: number): Dump<Row> {
  const rows = entriesOf(path, 8, (bytes, at) => ({
    offset: baseOffset + bytes.readInt32BE(at),
    position: bytes.readInt32BE(at + 4),
  }))
  return { columns: [column('offset', 'offset'), column('position', 'position')], ...rising(rows, 'offset') }
}

export function dumpTimeIndex(path: string, baseOffset: number): Dump<Row> {
  const rows = entriesOf(path, 12, (bytes, at) => ({
    timestamp: int64At(bytes, at),
    time: isoTime(int64At(bytes, at)),
    offset: baseOffset + bytes.readInt32BE(at + 8),
  }))
  const columns = [column('timestamp', 'timestamp'), column('time', 'time'), column('offset', 'offset')]
  return { columns, ...rising(rows, 'timestamp') }
}

export function dumpTransactionIndex(path: string): Dump<Row> {
  const bytes = readFileSync(path)
  const rows = Array.from({ length: Math.floor(bytes.length / 34) }, (_, i) => ({
    producerId: int64At(bytes, i * 34 + 2),
    firstOffset: int64At(bytes, i * 34 + 10),
    lastOffset: int64At(bytes, i * 34 + 18),
    lastStableOffset: int64At(bytes, i * 34 + 26),
  }))
  const columns = [
    column('producer', 'producerId'),
    column('first offset', 'firstOffset'),
    column('last offset', 'lastOffset'),
    column('last stable', 'lastStableOffset'),
  ]
  return { columns, rows, ...(bytes.length % 34 !== 0 && { problem: 'its size is not whole entries' }) }
}

export function dumpSnapshot(path: string): Dump<Row> {
  const producers = decodeSnapshot(readFileSync(path))
  if (producers === undefined) throw new CliError(`${path} is not a whole snapshot of producers`)
  const rows = producers.map(producer => ({
    producerId: producer.producerId,
    producerEpoch: producer.producerEpoch,
    lastSequence: producer.batches.at(-1)?.lastSequence ?? -1,
    lastOffset: producer.batches.at(-1)?.lastOffset ?? -1,
    coordinatorEpoch: producer.coordinatorEpoch,
    transactionFirstOffset: producer.transactionFirstOffset,
    lastTime: isoTime(producer.lastTimestampMs),
  }))
  const columns = [
    column('producer', 'producerId'),
    column('epoch', 'producerEpoch'),
    column('last sequence', 'lastSequence'),
    column('last offset', 'lastOffset'),
    column('coordinator epoch', 'coordinatorEpoch'),
    column('open since', 'transactionFirstOffset'),
    column('last time', 'lastTime'),
  ]
  return { columns, rows }
}

export function dumpLeaderEpochs(path: string): Dump<Row> {
  const starts = parseLeaderEpochs(readFileSync(path))
  if (starts === undefined) throw new CliError(`${path} is not a checkpoint of leader epochs`)
  const rows = starts.map(({ epoch, startOffset }) => ({ epoch, startOffset }))
  return { columns: [column('epoch', 'epoch'), column('start offset', 'startOffset')], rows }
}

export function dumpOffsetCheckpoint(path: string): Dump<Row> {
  const offsets = parseOffsetCheckpoint(readFileSync(path))
  if (offsets === undefined) throw new CliError(`${path} is not a checkpoint of offsets`)
  const rows = [...offsets].map(([partition, offset]) => ({ partition, offset }))
  return { columns: [column('partition', 'partition'), column('offset', 'offset')], rows }
}

export function dumpPartitionMetadata(path: string): Dump<Row> {
  const topicId = parsePartitionMetadata(readFileSync(path))
  if (topicId === undefined) throw new CliError(`${path} names no topic id`)
  return { columns: [column('topic id', 'topicId')], rows: [{ topicId }] }
}

/** Kafka gives an active index its full size at once: the zeros after the last entry are none. */
function entriesOf(path: string, entryBytes: number, read: (bytes: Buffer, at: number) => Row): Row[] {
  const bytes = readFileSync(path)
  let end = bytes.length - (bytes.length % entryBytes)
  while (end > 0 && bytes.subarray(end - entryBytes, end).every(byte => byte === 0)) end -= entryBytes
  return Array.from({ length: end / entryBytes }, (_, i) => read(bytes, i * entryBytes))
}

function rising(rows: readonly Row[], name: string): { readonly rows: readonly Row[]; readonly problem?: string } {
  const at = rows.findIndex((row, i) => i > 0 && Number(row[name]) < Number(rows[i - 1]![name]))
  return at < 0 ? { rows } : { rows, problem: `its ${name}s do not rise at entry ${at}` }
}
