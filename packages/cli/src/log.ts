/** `millrace log`: reads a data folder's files and changes nothing. Exit status 1 when something in them does not fit. */
import { readdirSync, statSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { isControl, readRecords } from '@millrace/protocol'
import { offsetOfFile, partitionOfFolder, segmentSuffixes } from '@millrace/storage'
import type { LogOptions } from './commands/log.ts'
import { ByteSink } from './records/byte-sink.ts'
import { compileFormat, type RecordFormat } from './records/format.ts'
import { recordToJson } from './records/json-record.ts'
import type { ShownRecord } from './records/shown-record.ts'
import { BATCH_HEADING, batchLine, batchText } from './segments/batch-line.ts'
import { listDataFolder } from './segments/data-folder-listing.ts'
import {
  type Dump,
  dumpLeaderEpochs,
  dumpOffsetCheckpoint,
  dumpOffsetIndex,
  dumpPartitionMetadata,
  dumpSnapshot,
  dumpTimeIndex,
  dumpTransactionIndex,
} from './segments/dump-index.ts'
import { type ScannedBatch, scanSegment } from './segments/scan-segment.ts'
import { CliError } from './shared/cli-error.ts'
import type { Session } from './shared/session.ts'
import { formatBytes } from './shared/units.ts'

/** What a compressed batch may grow to. */
const BATCH_BYTES_MAX = 1024 * 1024 * 1024
const FLUSH_BYTES = 64 * 1024
const RECORD_FORMAT = '    %o  %d  %k{json}  %s{json}  %h\\n'

export async function log(session: Session, paths: readonly string[], options: LogOptions): Promise<number> {
  const dumper = new Dumper(session, options)
  for (const path of paths) await dumper.path(path)
  return dumper.problemCount === 0 ? 0 : 1
}

class Dumper {
  readonly #session: Session
  readonly #options: LogOptions
  readonly #format: RecordFormat | undefined
  readonly #recordLine: RecordFormat
  #fileCount = 0
  problemCount = 0

  constructor(session: Session, options: LogOptions) {
    this.#session = session
    this.#options = options
    this.#format = options.format === undefined ? undefined : compileFormat(options.format)
    this.#recordLine = compileFormat(RECORD_FORMAT)
  }

  async path(path: string): Promise<void> {
    if (!statSync(path).isDirectory()) return this.#file(path)
    const names = readdirSync(path).sort()
    const suffixes = this.#format === undefined ? segmentSuffixes : (['.log'] as const)
    const files = names.filter(name => suffixes.some(suffix => offsetOfFile(name, suffix) !== undefined))
    if (files.length > 0 || partitionOfFolder(basename(path)) !== undefined) {
      for (const name of files) await this.#file(join(path, name))
      return
    }
    listDataFolder(path, this.#session.out)
  }

  async #file(path: string): Promise<void> {
    const name = basename(path)
    const { out } = this.#session
    const heading = this.#format === undefined && out.form === 'table' && !out.quiet
    if (heading) out.print(`${this.#fileCount++ === 0 ? '' : '\n'}${path} (${formatBytes(statSync(path).size)})\n`)
    if (isSegment(name)) return this.#segment(path)
    const dump = dumpSmallFile(path, name)
    if (dump.problem !== undefined) this.#problem(path, dump.problem)
    if (out.form === 'json') for (const row of dump.rows) out.print(`${JSON.stringify(row)}\n`)
    else out.table(dump.columns, dump.rows)
  }

  async #segment(path: string): Promise<void> {
    const { out, signal } = this.#session
    const sink = new ByteSink()
    if (this.#format === undefined && out.form === 'table') sink.text(BATCH_HEADING)
    const scan = scanSegment(path)
    for (let step = scan.next(); ; step = scan.next()) {
      if (step.done === true) {
        const { reason, validBytes, fileBytes } = step.value
        await out.write(sink.take())
        if (reason !== undefined) this.#problem(path, `${reason}, at position ${validBytes} of ${fileBytes}`)
        return
      }
      this.#batch(path, step.value, sink)
      if (sink.length >= FLUSH_BYTES) await out.write(sink.take())
      signal.throwIfAborted()
    }
  }

  #batch(path: string, batch: ScannedBatch, sink: ByteSink): void {
    const line = batchLine(batch)
    if (!line.isValid) this.#problem(path, `the checksum of the batch at offset ${line.baseOffset} does not fit`)
    if (this.#format !== undefined) return this.#records(path, batch, this.#format, sink)
    const isJson = this.#session.out.form === 'json'
    sink.text(isJson ? `${JSON.stringify({ kind: 'batch', ...line })}\n` : batchText(line))
    if (this.#options.records) this.#records(path, batch, isJson ? jsonLine : this.#recordLine, sink)
  }

  #records(path: string, { buffer, at }: ScannedBatch, format: RecordFormat, sink: ByteSink): void {
    if (isControl(buffer, at)) return
    const { topic, partition } = partitionOfFolder(basename(dirname(path))) ?? { topic: '', partition: -1 }
    try {
      for (const { offset, timestamp, key, value, headers } of readRecords(buffer, at, {
        maxBytes: BATCH_BYTES_MAX,
        transient: true,
      }))
        format({ topic, partition, offset, timestamp, key, value, headers }, sink)
    } catch (error) {
      this.#problem(
        path,
        `the records of the batch at position ${at} cannot be read: ${error instanceof Error ? error.message : error}`,
      )
    }
  }

  #problem(path: string, text: string): void {
    this.problemCount++
    this.#session.out.warn(`${path}: ${text}`)
  }
}

/** Snapshots of Kafka's metadata log are made of batches too. */
const isSegment = (name: string): boolean =>
  name.endsWith('.checkpoint') || offsetOfFile(name.replace(/\.(deleted|cleaned|swap)$/, ''), '.log') !== undefined

const jsonLine = (record: ShownRecord, sink: ByteSink): void => sink.text(`${recordToJson(record)}\n`)

// biome-ignore lint/suspicious/noExplicitAny: rows of different files meet here, each with its own columns
function dumpSmallFile(path: string, name: string): Dump<any> {
  const index = offsetOfFile(name, '.index')
  if (index !== undefined) return dumpOffsetIndex(path, index)
  const timeIndex = offsetOfFile(name, '.timeindex')
  if (timeIndex !== undefined) return dumpTimeIndex(path, timeIndex)
  if (name.endsWith('.txnindex')) return dumpTransactionIndex(path)
  if (name.endsWith('.snapshot')) return dumpSnapshot(path)
  if (name === 'leader-epoch-checkpoint') return dumpLeaderEpochs(path)
  if (name === 'partition.metadata') return dumpPartitionMetadata(path)
  if (name.endsWith('-checkpoint')) return dumpOffsetCheckpoint(path)
  throw new CliError(`${path} is none of the files that are understood`, {
    hint: `segments (${segmentSuffixes.join(', ')}), leader-epoch-checkpoint, partition.metadata and the offset checkpoints are`,
  })
}
