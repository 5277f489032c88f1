/** Records to stdout, in the form that was asked for, a batch with one write. */
import type { ConsumerRecord } from '@millrace/client'
import type { ConsumeOptions } from '../commands/consume.ts'
import { ByteSink } from '../records/byte-sink.ts'
import { compileFormat, parseDelimiter, type RecordFormat } from '../records/format.ts'
import { recordToJson } from '../records/json-record.ts'
import { usageError } from '../shared/cli-error.ts'
import type { Output } from '../shared/output.ts'
import { Progress } from '../shared/progress.ts'
import { formatBytes, formatSeconds, plural } from '../shared/units.ts'

const FLUSH_BYTES = 256 * 1024

export class RecordWriter {
  readonly #out: Output
  readonly #format: RecordFormat
  readonly #sink = new ByteSink()
  readonly #progress: Progress
  count = 0
  #bytes = 0

  constructor(out: Output, options: ConsumeOptions) {
    this.#out = out
    this.#format = formatOf(options, out.form === 'json' || options.json)
    this.#progress = new Progress(!out.quiet && !out.isTerminal)
  }

  async write(records: readonly ConsumerRecord[]): Promise<void> {
    for (const record of records) {
      this.#format(record, this.#sink)
      this.#bytes += (record.key?.length ?? 0) + (record.value?.length ?? 0)
      if (this.#sink.length >= FLUSH_BYTES) await this.#out.write(this.#sink.take())
    }
    this.count += records.length
    if (this.#sink.length > 0) await this.#out.write(this.#sink.take())
    this.#progress.update(this.count, this.#bytes)
  }

  /** Only for whoever watched the progress. */
  summary(): void {
    this.#progress.clear()
    if (process.stderr.isTTY && !this.#out.isTerminal)
      this.#out.note(
        `${plural(this.count, 'record')}, ${formatBytes(this.#bytes)} in ${formatSeconds(this.#progress.elapsedMs)}`,
      )
  }
}

function formatOf({ format, keyDelimiter, delimiter }: ConsumeOptions, isJson: boolean): RecordFormat {
  if (format !== undefined) {
    if (isJson || keyDelimiter !== undefined) throw usageError('--format excludes --json and --key-delimiter')
    return compileFormat(format)
  }
  if (isJson) return (record, sink) => sink.text(`${recordToJson(record)}\n`)
  const end = parseDelimiter(delimiter)
  const separator = keyDelimiter === undefined ? undefined : parseDelimiter(keyDelimiter)
  return ({ key, value }, sink) => {
    if (separator !== undefined) {
      if (key !== null) sink.bytes(key)
      sink.bytes(separator)
    }
    if (value !== null) sink.bytes(value)
    sink.bytes(end)
  }
}
