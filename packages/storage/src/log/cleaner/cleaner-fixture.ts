/** A compacted partition on a disk in memory, with keyed records, transactions and cleanings that come when a test says so. */
import assert from 'node:assert/strict'
import {
  attributesOf,
  BatchBuilder,
  baseOffsetOf,
  baseTimestampOf,
  type CompressionCodec,
  hasValidCrc,
  isControl,
  lastOffsetOf,
  producerIdOf,
  readControlRecord,
  readRecords,
} from '@millrace/protocol'
import type { FaultFileSystem } from '@millrace/testkit/fault-file-system'
import { DiskPartition, HeldClock, type OpenOptions } from '../../disk/disk-fixture.ts'
import type { LogConfig } from '../../engine.ts'
import { sampleMarker } from '../../sample-batch.ts'
import { CompactionModel, type ModelBatch } from './compaction-model.ts'
import { type CleanerSettings, defaultCleanerSettings } from './log-cleaner.ts'

export const BACKOFF_MS = 15_000
/** Long beside all the backoffs of a test, so that only a step that lets time pass lets it be over. */
export const DELETE_RETENTION_MS = 100 * BACKOFF_MS
/** What else comes round by the clock stays away. */
const NEVER_MS = 1e14

export interface KeyedBatch {
  readonly records: readonly (readonly [key: string | null, value: string | null])[]
  readonly codec?: CompressionCodec
  readonly producerId?: number
  readonly baseSequence?: number
  readonly isTransactional?: boolean
  readonly timestampMs?: number
}

export function keyedBatch({ records, timestampMs = 1_000, ...fields }: KeyedBatch): Buffer {
  const builder = new BatchBuilder()
  for (const [i, [key, value]] of records.entries())
    builder.append({
      timestamp: timestampMs + i,
      key: key === null ? null : Buffer.from(key),
      value: value === null ? null : Buffer.from(value),
      headers: [{ key: 'h', value: Buffer.from(String(i)) }],
    })
  return builder.build({ ...fields, ...(fields.producerId === undefined ? {} : { producerEpoch: 0 }) })
}

export const compactConfig: Partial<LogConfig> = {
  cleanupPolicy: ['compact'],
  segmentBytes: 600,
  indexIntervalBytes: 100,
  minCleanableDirtyRatio: 0,
  deleteRetentionMs: DELETE_RETENTION_MS,
}

/** Turns of the event loop that the cleanings of a test's small log surely end in: its disk never waits. */
const TURNS = 400

/** A log and what it is to hold. */
export class Compacted {
  disk: DiskPartition
  readonly options: OpenOptions & { clock: HeldClock }
  readonly model = new CompactionModel()
  /** Altered while the engine runs. */
  cleaner: Partial<CleanerSettings> = {}
  readonly #sequences = new Map<number, number>()
  readonly #open = new Map<number, number>()
  #transactions = 0
  #cleanedUpTo = 0
  #isCleaning = false
  /** When the cleaning that is under way began. */
  #begunMs: number | undefined

  constructor(disk: DiskPartition, options: OpenOptions & { clock: HeldClock }) {
    this.disk = disk
    this.options = options
  }

  static async open(
    fs: FaultFileSystem,
    { config, cleaner }: { config?: Partial<LogConfig>; cleaner?: Partial<CleanerSettings> } = {},
  ): Promise<Compacted> {
    const settings = { ...defaultCleanerSettings, backoffMs: BACKOFF_MS, dedupeBufferBytes: 1 << 20, ...cleaner }
    const clock = new HeldClock()
    let log: Compacted | undefined
    const options = {
      clock,
      config: { ...compactConfig, ...config },
      settings: {
        cleaner: () => ({ ...settings, ...log?.cleaner, isEnabled: log?.mayClean() === true }),
        producerExpirationMs: Number.MAX_SAFE_INTEGER,
        retentionCheckMs: NEVER_MS,
        retentionFirstCheckMs: NEVER_MS,
        checkpointMs: NEVER_MS,
        producerExpirationCheckMs: NEVER_MS,
      },
    }
    log = new Compacted(await DiskPartition.open(fs, options), options)
    return log
  }

  get clock(): HeldClock {
    return this.options.clock
  }

  /** `producer` below 0: none. */
  async append(
    records: KeyedBatch['records'],
    {
      producer = -1,
      inTransaction = false,
      codec = 'none',
    }: { producer?: number; inTransaction?: boolean; codec?: CompressionCodec } = {},
  ): Promise<void> {
    const baseOffset = this.disk.log().highWatermark
    const baseSequence = this.#sequences.get(producer) ?? 0
    const idempotent = producer < 0 ? {} : { producerId: producer, baseSequence, isTransactional: inTransaction }
    const outcome = await this.disk.append(
      keyedBatch({ records, codec, timestampMs: 1_000 + baseOffset, ...idempotent }),
    )
    if (outcome.kind === 'refused' && this.disk.fs.isDead) return
    assert(outcome.kind === 'appended', JSON.stringify(outcome))
    assert.equal(outcome.baseOffset, baseOffset)
    if (producer >= 0) this.#sequences.set(producer, baseSequence + records.length)
    if (inTransaction && !this.#open.has(producer)) this.#open.set(producer, this.#transactions++)
    this.#add(
      'data',
      { baseOffset, producerId: producer, transaction: inTransaction ? this.#open.get(producer) : undefined },
      records,
    )
  }

  async end(producer: number, kind: 'commit' | 'abort'): Promise<void> {
    const transaction = this.#open.get(producer)
    if (transaction === undefined) return
    const outcome = await this.disk.mark(sampleMarker(producer, kind))
    if (outcome.kind === 'refused' && this.disk.fs.isDead) return
    assert(outcome.kind === 'appended', JSON.stringify(outcome))
    this.#open.delete(producer)
    if (kind === 'abort') this.model.aborted.add(transaction)
    this.#add(kind, { baseOffset: outcome.baseOffset, producerId: producer, transaction }, [[null, null]])
  }

  hasOpen(producer: number): boolean {
    return this.#open.has(producer)
  }

  /** Asked by the cleaner: cleanings come when the test says so. */
  mayClean(): boolean {
    if (this.#isCleaning) this.#begunMs ??= this.clock.now()
    return this.#isCleaning
  }

  /** Lets a cleaning that is worth it come to its end. */
  async runCleaner(): Promise<void> {
    this.#isCleaning = true
    await this.clock.pass(BACKOFF_MS)
    for (let turn = 0; turn < TURNS; turn++) await new Promise(resolve => setImmediate(resolve))
    this.#isCleaning = false
  }

  /** Cleans here and in the model. */
  async clean(): Promise<void> {
    const bounds = this.#bases().filter(base => base <= this.model.firstUnstableOffset)
    const end = bounds.at(-1) ?? 0
    this.#begunMs = undefined
    await this.runCleaner()
    if (end <= this.#cleanedUpTo) return
    const nowMs = this.#begunMs ?? this.clock.now()
    this.model.clean({ firstDirtyOffset: this.#cleanedUpTo, end, nowMs, deleteRetentionMs: DELETE_RETENTION_MS })
    this.#cleanedUpTo = end
  }

  /** The next process. What the last one was told is what is to be there. */
  async reopen(fs: FaultFileSystem): Promise<void> {
    this.disk = await DiskPartition.open(fs, this.options)
    assert.deepEqual(this.disk.report.failures, [])
  }

  async check({ exactly = true } = {}): Promise<void> {
    const found = (await this.disk.readAll()).map(readModelBatch)
    const table = tableOf(found, this.model)
    assert.deepEqual(new Map([...table].sort()), new Map([...this.model.table].sort()), 'the latest values')
    const records = found.flatMap(batch => (batch.kind === 'data' ? batch.records : []))
    if (!exactly) return
    assert.deepEqual(records, this.model.records)
  }

  /** Batch for batch, empty ones, markers and delete horizons too. */
  async checkShells(): Promise<void> {
    const shell = ({ baseOffset, lastOffset, producerId, kind, horizonMs, records, isEmptied }: ModelBatch) => ({
      baseOffset,
      lastOffset,
      producerId,
      kind,
      horizonMs,
      isEmptied,
      records: kind === 'data' ? records : [],
    })
    const found = (await this.disk.readAll()).map(readModelBatch)
    assert.deepEqual(found.map(shell), this.model.batches.map(shell))
  }

  #bases(): number[] {
    return this.disk
      .names()
      .filter(name => name.endsWith('.log'))
      .map(name => Number(name.slice(0, 20)))
  }

  #add(
    kind: ModelBatch['kind'],
    of: { baseOffset: number; producerId: number; transaction: number | undefined },
    records: KeyedBatch['records'],
  ): void {
    this.model.transactionOf.set(of.baseOffset, of.transaction)
    this.model.batches.push({
      ...of,
      kind,
      lastOffset: of.baseOffset + records.length - 1,
      horizonMs: undefined,
      isEmptied: false,
      records: records.map(([key, value], i) => ({ offset: of.baseOffset + i, key, value })),
    })
  }
}

/** As the model has them; which transaction a batch belongs to is not written in it. */
function readModelBatch(batch: Buffer): ModelBatch {
  assert(hasValidCrc(batch, 0))
  const control = isControl(batch, 0)
  const records = [...readRecords(batch, 0, { maxBytes: 1e6 })].map(record => {
    if (!control)
      assert.equal(record.timestamp - 1_000 - baseOffsetOf(batch, 0), record.offset - baseOffsetOf(batch, 0))
    return { offset: record.offset, key: record.key?.toString() ?? null, value: record.value?.toString() ?? null }
  })
  const kind = control ? (readControlRecord(batch, 0)?.kind ?? 'commit') : 'data'
  return {
    baseOffset: baseOffsetOf(batch, 0),
    lastOffset: lastOffsetOf(batch, 0),
    producerId: producerIdOf(batch, 0),
    kind: kind as ModelBatch['kind'],
    transaction: undefined,
    horizonMs: (attributesOf(batch, 0) & 0x40) === 0 ? undefined : baseTimestampOf(batch, 0),
    isEmptied: records.length === 0,
    records,
  }
}

function tableOf(found: readonly ModelBatch[], model: CompactionModel): Map<string, string> {
  const seen = new CompactionModel()
  seen.batches = found.map(batch => ({ ...batch, transaction: model.transactionOf.get(batch.baseOffset) }))
  for (const transaction of model.aborted) seen.aborted.add(transaction)
  return seen.table
}
