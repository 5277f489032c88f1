/** One partition on a disk that tests hold in their hands: appends, stops, crashes, and looks at what is left. */
import assert from 'node:assert/strict'
import { type Clock, type Logger, seededRandom, silentLogger } from '@millrace/base'
import type { FaultFileSystem } from '@millrace/testkit/fault-file-system'
import { batchesOf, sampleConfig, sampleTopicId } from '../conformance.ts'
import type {
  AppendOutcome,
  LogConfig,
  PartitionLog,
  StartReport,
  StorageEngine,
  TransactionMarker,
} from '../engine.ts'
import { type SampleBatch, sampleBatch } from '../sample-batch.ts'
import { emptyCatalog } from '../sample-catalog.ts'
import { type DiskEngineSettings, openDiskEngine } from './disk-engine.ts'

/** Stands still until a test moves it. */
export class HeldClock implements Clock {
  #nowMs = 1_000_000
  #scheduled: { at: number; run: () => void }[] = []

  now(): number {
    return this.#nowMs
  }

  monotonicMs(): number {
    return this.#nowMs
  }

  schedule(delayMs: number, run: () => void): { cancel(): void } {
    const entry = { at: this.#nowMs + delayMs, run }
    this.#scheduled.push(entry)
    return {
      cancel: () => {
        this.#scheduled = this.#scheduled.filter(other => other !== entry)
      },
    }
  }

  /** Runs what falls due, in order, and lets what it began come to an end. */
  async pass(ms: number): Promise<void> {
    const until = this.#nowMs + ms
    for (;;) {
      const [next] = this.#scheduled.filter(entry => entry.at <= until).sort((a, b) => a.at - b.at)
      if (next === undefined) break
      this.#scheduled = this.#scheduled.filter(entry => entry !== next)
      this.#nowMs = Math.max(this.#nowMs, next.at)
      next.run()
      await settled()
    }
    this.#nowMs = until
    await settled()
  }
}

/** The disk in memory never waits, so a few turns bring everything to its end. */
export async function settled(): Promise<void> {
  for (let turn = 0; turn < 10; turn++) await new Promise(resolve => setImmediate(resolve))
}

export interface OpenOptions {
  readonly config?: Partial<LogConfig>
  readonly settings?: Partial<DiskEngineSettings>
  readonly clock?: HeldClock
  readonly logger?: Logger
  readonly partitionCount?: number
}

export const FOLDER = '/data/t-0'

export class DiskPartition {
  readonly fs: FaultFileSystem
  readonly engine: StorageEngine
  readonly report: StartReport
  readonly clock: HeldClock

  constructor(fs: FaultFileSystem, opened: { engine: StorageEngine; report: StartReport; clock: HeldClock }) {
    this.fs = fs
    this.engine = opened.engine
    this.report = opened.report
    this.clock = opened.clock
  }

  static async open(fs: FaultFileSystem, options: OpenOptions = {}): Promise<DiskPartition> {
    const clock = options.clock ?? new HeldClock()
    const engine = await openDiskEngine({
      dirs: ['/data'],
      catalog: emptyCatalog,
      clock,
      logger: options.logger ?? silentLogger,
      random: seededRandom(1),
      fs,
      settings: { tailBytes: 0, ...options.settings },
    })
    const config = { ...sampleConfig, ...options.config }
    const { partitionCount = 1 } = options
    const report = await engine.logs.start([{ topic: 't', topicId: sampleTopicId(7), partitionCount, config }])
    return new DiskPartition(fs, { engine, report, clock })
  }

  log(partition = 0): PartitionLog {
    const log = this.engine.logs.partition(sampleTopicId(7), partition)
    assert(log !== undefined)
    return log
  }

  async append(batch: SampleBatch | Buffer = {}, partition = 0): Promise<AppendOutcome> {
    const records = Buffer.isBuffer(batch) ? Buffer.from(batch) : sampleBatch(batch)
    const admission = { askedAt: Number.POSITIVE_INFINITY, isEpochPerTransaction: false }
    const [outcome] = await this.engine.logs.append([{ partition: this.log(partition), records, admission }])
    return outcome!
  }

  async mark(marker: TransactionMarker): Promise<AppendOutcome> {
    const [outcome] = await this.engine.logs.append([{ partition: this.log(), marker }])
    return outcome!
  }

  /** What readers of committed records are told of the whole log. */
  async committed(): Promise<{ lastStableOffset: number; aborted: number[][] }> {
    const entry = {
      partition: this.log(),
      offset: this.log().logStartOffset,
      maxBytes: 1e6,
      isolation: 'read_committed' as const,
    }
    const [outcome] = await this.engine.logs.read([entry], { maxBytes: 1e6, atLeastOneBatch: true })
    assert(outcome?.kind === 'read', JSON.stringify(outcome))
    const aborted = outcome.abortedTransactions.map(t => [t.producerId, t.firstOffset])
    return { lastStableOffset: outcome.lastStableOffset, aborted }
  }

  /** Every batch from the log start to the high watermark. */
  async readAll(partition = 0): Promise<Buffer[]> {
    const batches: Buffer[] = []
    const log = this.log(partition)
    for (let offset = log.logStartOffset; offset < log.highWatermark; ) {
      const entry = { partition: log, offset, maxBytes: 1_000_000, isolation: 'read_uncommitted' as const }
      const [outcome] = await this.engine.logs.read([entry], { maxBytes: 1_000_000, atLeastOneBatch: true })
      assert(outcome?.kind === 'read', JSON.stringify(outcome))
      const read = batchesOf(outcome.records)
      assert(read.length > 0, `nothing at ${offset} of ${log.highWatermark}`)
      batches.push(...read)
      const last = read.at(-1)!
      offset = Number(last.readBigInt64BE(0)) + last.readInt32BE(23) + 1
    }
    return batches
  }

  names(folder = FOLDER): string[] {
    return [...this.fs.list(folder)].sort()
  }
}
