/** `millrace produce`: bytes in, records out. Nothing is held but what the producer's buffer holds. */
import { createReadStream, statSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { Producer, type ProducerOptions, type RecordMetadata } from '@millrace/client'
import type { ProduceOptions } from './commands/produce.ts'
import { parseDelimiter } from './records/format.ts'
import { type RecordToSend, recordFromJson } from './records/json-record.ts'
import { splitMessages } from './records/split.ts'
import { CliError, usageError } from './shared/cli-error.ts'
import { parseTime } from './shared/position.ts'
import { Progress } from './shared/progress.ts'
import type { Session } from './shared/session.ts'
import { formatBytes, formatCount, formatSeconds, plural } from './shared/units.ts'

/** A record is refused by the client or the broker long before. */
const MESSAGE_BYTES_MAX = 1024 * 1024 * 1024
const REQUEST_BYTES_MAX = 128 * 1024 * 1024
const BATCH_BYTES = 256 * 1024

export async function produce(
  session: Session,
  topic: string,
  files: readonly string[],
  options: ProduceOptions,
): Promise<void> {
  checkOptions(options, files)
  const toRecord = recordMaker(topic, options)
  const lost = new AbortController()
  const signal = AbortSignal.any([session.signal, lost.signal])
  const producer = new Producer({ ...producerOptions(session, options), onLost: error => lost.abort(error) })
  const run = new ProduceRun({ ...session, signal }, producer, options)
  try {
    for (const [source, messages] of sources(files, options, { ...session, signal }))
      await run.send(source, messages, toRecord)
    await producer.flush({ signal: session.signal })
  } catch (error) {
    run.clear()
    // What was read before Ctrl-C is still sent; after a failure nothing is.
    await producer.close({ timeoutMs: session.signal.aborted ? session.client.apiTimeoutMs : 0 }).catch(() => {})
    throw lost.signal.aborted ? lost.signal.reason : error
  }
  await producer.close({ timeoutMs: session.client.apiTimeoutMs })
  run.summary(topic)
}

const producerOptions = ({ client }: Session, options: ProduceOptions) =>
  ({
    ...client,
    acks: options.acks === 'all' ? 'all' : options.acks === '1' ? 1 : 0,
    compression: options.compression,
    lingerMs: options.linger,
    batchBytes: BATCH_BYTES,
    requestBytesMax: REQUEST_BYTES_MAX,
    maxBlockMs: client.apiTimeoutMs,
    allowAutoTopicCreation: options.create,
  }) satisfies ProducerOptions<Uint8Array | string, Uint8Array | string>

function checkOptions(options: ProduceOptions, files: readonly string[]): void {
  if (options.key !== undefined && options.keyDelimiter !== undefined)
    throw usageError('--key and --key-delimiter exclude each other', 'a record has one key')
  if (options.json && (options.keyDelimiter !== undefined || options.whole))
    throw usageError('--json excludes --key-delimiter and --whole', 'a JSON record says itself what its key is')
  if (options.keepPartition && !options.json) throw usageError('--keep-partition needs --json')
  if (options.whole && files.length === 0) throw usageError('--whole needs files', 'name them after the topic')
}

type Messages = AsyncIterable<readonly Buffer[]>

function* sources(
  files: readonly string[],
  options: ProduceOptions,
  { out, signal }: Session,
): Generator<[string, Messages], void, undefined> {
  const delimiter = parseDelimiter(options.delimiter)
  for (const file of files.length === 0 ? ['-'] : files) {
    if (options.whole) yield [file, wholeFile(file)]
    else {
      if (file === '-' && process.stdin.isTTY) out.note('type records, one a line; Ctrl-D ends')
      yield [file, delimited(file, delimiter, signal)]
    }
  }
}

/** Opens its file with the first read, so that no stream is left to fail unheard when something else fails before. */
async function* delimited(
  file: string,
  delimiter: Buffer,
  signal: AbortSignal,
): AsyncGenerator<readonly Buffer[], void, undefined> {
  const stream = file === '-' ? process.stdin : createReadStream(file, { highWaterMark: 256 * 1024 })
  signal.addEventListener('abort', () => stream.destroy(), { once: true })
  yield* splitMessages(stream, { delimiter, messageBytesMax: MESSAGE_BYTES_MAX })
}

async function* wholeFile(file: string): AsyncGenerator<readonly Buffer[], void, undefined> {
  yield [await readFile(file)]
}

type ToRecord = (message: Buffer) => RecordToSend

function recordMaker(topic: string, options: ProduceOptions): ToRecord {
  const headers = options.header.map(headerOf)
  const timestamp = options.timestamp === undefined ? undefined : parseTime(options.timestamp, Date.now())
  const { partition } = options
  const fixed = {
    topic,
    ...(headers.length > 0 && { headers }),
    ...(timestamp !== undefined && { timestamp }),
    ...(partition !== undefined && { partition }),
  }
  if (options.json)
    return message => {
      const record = recordFromJson(message.toString('utf8'), { topic, keepPartition: options.keepPartition })
      return {
        ...record,
        ...fixed,
        key: record.key ?? keyOf(options),
        headers: [...(record.headers ?? []), ...headers],
      }
    }
  const orNull = (bytes: Buffer | null): Buffer | null => (options.null && bytes?.length === 0 ? null : bytes)
  if (options.keyDelimiter === undefined) {
    const key = orNull(keyOf(options))
    return message => ({ ...fixed, key, value: orNull(message) })
  }
  const separator = parseDelimiter(options.keyDelimiter)
  return message => {
    const at = message.indexOf(separator)
    if (at < 0) return { ...fixed, key: null, value: orNull(message) }
    return { ...fixed, key: orNull(message.subarray(0, at)), value: orNull(message.subarray(at + separator.length)) }
  }
}

const keyOf = ({ key }: ProduceOptions): Buffer | null => (key === undefined ? null : Buffer.from(key))

function headerOf(text: string): { key: string; value: Buffer | null } {
  const at = text.indexOf('=')
  if (at === 0) throw usageError(`the header '${text}' has no name`, 'write name=value')
  return at < 0 ? { key: text, value: null } : { key: text.slice(0, at), value: Buffer.from(text.slice(at + 1)) }
}

class ProduceRun {
  readonly #session: Session
  readonly #producer: Producer
  readonly #report: boolean
  readonly #delimiterBytes: number
  readonly #progress: Progress
  #count = 0
  #bytes = 0
  /** With delimiters, as files count them. */
  #inputBytes = 0
  #totalBytes: number | undefined

  constructor(session: Session, producer: Producer, { report, whole, delimiter }: ProduceOptions) {
    this.#session = session
    this.#producer = producer
    this.#report = report
    this.#delimiterBytes = whole ? 0 : parseDelimiter(delimiter).length
    this.#progress = new Progress(!session.out.quiet && !report)
  }

  async send(source: string, messages: Messages, toRecord: ToRecord): Promise<void> {
    this.#totalBytes = source === '-' ? undefined : this.#inputBytes + statSync(source).size
    let line = 0
    for await (const chunk of messages) {
      const records = chunk.map(message => {
        line++
        this.#inputBytes += message.length + this.#delimiterBytes
        return attempt(() => toRecord(message), source, line)
      })
      if (this.#report) await this.#sendReporting(records)
      else await this.#sendFast(records)
      this.#session.signal.throwIfAborted()
      this.#progress.update(this.#count, this.#inputBytes, this.#totalBytes)
    }
    this.#session.signal.throwIfAborted()
  }

  clear(): void {
    this.#progress.clear()
  }

  summary(topic: string): void {
    this.#progress.clear()
    const { out } = this.#session
    const ms = this.#progress.elapsedMs
    if (out.form === 'json' && !this.#report)
      out.json({ topic, records: this.#count, bytes: this.#bytes, seconds: ms / 1000 })
    const rate = formatCount(Math.round(this.#count / Math.max(ms / 1000, 0.001)))
    if (out.form === 'table')
      out.note(
        `${plural(this.#count, 'record')} to ${topic}, ${formatBytes(this.#bytes)} in ${formatSeconds(ms)} (${rate} records/s)`,
      )
  }

  async #sendFast(records: readonly RecordToSend[]): Promise<void> {
    const { signal } = this.#session
    for (const record of records) {
      const hasRoom = this.#producer.write(record)
      this.#noteSent(record)
      if (!hasRoom) await this.#producer.drained({ signal })
    }
  }

  async #sendReporting(records: readonly RecordToSend[]): Promise<void> {
    const { signal, out } = this.#session
    for (const sent of await this.#producer.sendBatch(records, { signal }))
      out.print(out.form === 'json' ? `${JSON.stringify(sent)}\n` : `${reportLine(sent)}\n`)
    for (const record of records) this.#noteSent(record)
  }

  #noteSent({ key, value }: RecordToSend): void {
    this.#count++
    this.#bytes += (key?.length ?? 0) + (value?.length ?? 0)
  }
}

const reportLine = ({ topic, partition, offset }: RecordMetadata): string =>
  `${topic} partition ${partition} offset ${offset}`

function attempt<T>(make: () => T, source: string, line: number): T {
  try {
    return make()
  } catch (error) {
    if (!(error instanceof CliError)) throw error
    throw new CliError(`record ${formatCount(line)} of ${source === '-' ? 'stdin' : source}: ${error.message}`)
  }
}
