/**
 * One partition's folder, read from its first batch to its last and held against every file that says something about it. Changes nothing. While a broker
 * writes there, what it is writing just now is left out: the end of the active segment, and files that come and go.
 */
import { type BatchHeader, readControlRecord } from '@millrace/protocol'
import { type FileSystem, type OpenFile, readSmallFile } from '../file-system.ts'
import { takeIn } from '../log/admission.ts'
import { isControl } from '../log/batch-view.ts'
import { parseLeaderEpochs, parsePartitionMetadata } from '../log/checkpoint-file.ts'
import { LEADER_EPOCH_FILE, offsetOfFile, PARTITION_METADATA_FILE, segmentFile } from '../log/file-names.ts'
import { ProducerStates } from '../log/producer-state.ts'
import { OffsetIndexCheck, TimeIndexCheck, TransactionIndexCheck } from './index-check.ts'
import { type LogProblem, ProblemList } from './log-problem.ts'
import { walkSegment } from './segment-walk.ts'
import { compareSnapshot, readSnapshots, type StoredSnapshot } from './snapshot-check.ts'

export interface PartitionToCheck {
  readonly topic: string
  readonly partition: number
  readonly folder: string
  /** Undefined where nobody knows: then offsets may be missing. */
  readonly isCompacted: boolean | undefined
  /** A broker has the folder open. */
  readonly isRunning: boolean
  /** From the data folder's checkpoints. */
  readonly checkpoints: ReadonlyMap<string, CheckpointedOffset>
}

export interface CheckpointedOffset {
  readonly path: string
  readonly offset: number
}

export interface PartitionReport {
  readonly topic: string
  readonly partition: number
  readonly folder: string
  readonly segmentCount: number
  readonly batchCount: number
  readonly recordCount: number
  readonly bytes: number
  /** -1 without a segment. */
  readonly startOffset: number
  readonly endOffset: number
  /** Offsets between the first and the last that no batch has: compaction leaves such. */
  readonly missingOffsets: number
  /** The first thousand. */
  readonly problems: readonly LogProblem[]
  readonly problemCount: number
}

export function checkPartition(fs: FileSystem, partition: PartitionToCheck): Promise<PartitionReport> {
  return new PartitionCheck(fs, partition).run()
}

interface FoundSegment {
  readonly baseOffset: number
  readonly nextBase: number | undefined
}

class PartitionCheck {
  readonly #fs: FileSystem
  readonly #partition: PartitionToCheck
  readonly #problems = new ProblemList()
  readonly #producers = new ProducerStates()
  readonly #snapshots: StoredSnapshot[]
  readonly #segments: readonly FoundSegment[]
  #nextOffset = 0
  #firstOffset = -1
  #batchCount = 0
  #recordCount = 0
  #bytes = 0
  #missingOffsets = 0
  /** Every batch since the begin of the log was read, so what it makes known can be held against what is stored. */
  #isUnbroken = true

  constructor(fs: FileSystem, partition: PartitionToCheck) {
    this.#fs = fs
    this.#partition = partition
    const names = fs.list(partition.folder)
    this.#snapshots = readSnapshots(fs, partition.folder, names, problem => this.#report(problem))
    const bases = names.flatMap(name => offsetOfFile(name, '.log') ?? []).sort((a, b) => a - b)
    this.#segments = bases.map((baseOffset, i) => ({ baseOffset, nextBase: bases[i + 1] }))
  }

  async run(): Promise<PartitionReport> {
    this.#checkMetadata()
    this.#nextOffset = this.#segments[0]?.baseOffset ?? 0
    for (const segment of this.#segments) await this.#segment(segment)
    this.#compareSnapshots(Number.MAX_SAFE_INTEGER)
    this.#checkOffsets()
    const { topic, partition, folder } = this.#partition
    return {
      topic,
      partition,
      folder,
      segmentCount: this.#segments.length,
      batchCount: this.#batchCount,
      recordCount: this.#recordCount,
      bytes: this.#bytes,
      startOffset: this.#firstOffset,
      endOffset: this.#nextOffset,
      missingOffsets: this.#missingOffsets,
      problems: this.#problems.kept,
      problemCount: this.#problems.count,
    }
  }

  async #segment({ baseOffset, nextBase }: FoundSegment): Promise<void> {
    const path = segmentFile(this.#partition.folder, baseOffset, '.log')
    const isActive = nextBase === undefined
    // Indexes first: what is added while this reads lies behind the end that is taken from the log then.
    const checks = this.#indexChecks(baseOffset, isActive)
    const file = this.#fs.open(path, 'read')
    if (file === undefined) return this.#vanished(path)
    try {
      const sizeBytes = this.#fs.stat(path)?.sizeBytes ?? 0
      this.#bytes += sizeBytes
      if (this.#firstOffset < 0) this.#firstOffset = baseOffset
      if (baseOffset > this.#nextOffset) this.#gap(path, baseOffset)
      await this.#walk(file, { path, baseOffset, nextBase, sizeBytes }, checks)
    } finally {
      file.close()
    }
  }

  #indexChecks(baseOffset: number, isActive: boolean): SegmentChecks {
    const { folder, isRunning } = this.#partition
    const segment = { baseOffset, isActive, report: (problem: LogProblem) => this.#report(problem) }
    const offsetPath = segmentFile(folder, baseOffset, '.index')
    const timePath = segmentFile(folder, baseOffset, '.timeindex')
    const transactionPath = segmentFile(folder, baseOffset, '.txnindex')
    const offsets = readSmallFile(this.#fs, offsetPath)
    const times = readSmallFile(this.#fs, timePath)
    if (!isRunning) {
      if (offsets === undefined) segment.report(missing('index', offsetPath, baseOffset))
      if (times === undefined) segment.report(missing('timeindex', timePath, baseOffset))
    }
    return {
      offsets: offsets && new OffsetIndexCheck(segment, { path: offsetPath, bytes: offsets }),
      times: times && new TimeIndexCheck(segment, { path: timePath, bytes: times }),
      transactions: new TransactionIndexCheck(segment, transactionPath),
      transactionBytes: readSmallFile(this.#fs, transactionPath) ?? Buffer.alloc(0),
    }
  }

  async #walk(file: OpenFile, segment: WalkedSegment, checks: SegmentChecks): Promise<void> {
    const { baseOffset, nextBase = Number.MAX_SAFE_INTEGER, sizeBytes } = segment
    const limits = { sizeBytes, baseOffset, nextOffset: Math.max(this.#nextOffset, baseOffset), endOffset: nextBase }
    let lastDamage: OpenDamage | undefined
    let isCutShort = false
    await walkSegment(file, limits, {
      batch: (header, records, position) => {
        if (lastDamage !== undefined) this.#damage(segment, lastDamage, header.baseOffset)
        else if (header.baseOffset > this.#nextOffset) this.#gap(segment.path, header.baseOffset, position)
        lastDamage = undefined
        // A repair was here: what the lost records said of producers is in snapshots and indexes, and in the log no more.
        if (header.recordCount === 0 && header.producerId < 0) this.#isUnbroken = false
        this.#batch(header)
        checks.offsets?.batch(header, position)
        checks.times?.batch(header)
        if (isControl(header)) this.#marker(header, records, checks.transactions)
        else takeIn(this.#producers, header, records)
      },
      damage: (from, to, { why, reachesEnd, isTorn }) => {
        checks.offsets?.skip(to)
        checks.times?.skip()
        if (reachesEnd && nextBase === Number.MAX_SAFE_INTEGER) {
          isCutShort = true
          if (this.#partition.isRunning) return
        }
        this.#isUnbroken = false
        lastDamage = { from: lastDamage?.from ?? from, to, why: lastDamage?.why ?? why, isTorn, reachesEnd }
      },
    })
    if (lastDamage !== undefined) this.#damage(segment, lastDamage, segment.nextBase)
    if (isCutShort && this.#partition.isRunning) return
    checks.offsets?.end(sizeBytes)
    checks.times?.end(sizeBytes)
    checks.transactions.end(checks.transactionBytes, this.#knowsTransactions(nextBase))
  }

  #knowsTransactions(nextBase: number): boolean {
    const isBeingWritten = this.#partition.isRunning && nextBase === Number.MAX_SAFE_INTEGER
    return this.#isUnbroken && !this.#mayBeCompacted && !isBeingWritten
  }

  get #mayBeCompacted(): boolean {
    return this.#partition.isCompacted ?? this.#missingOffsets > 0
  }

  #batch(header: BatchHeader): void {
    this.#compareSnapshots(header.baseOffset)
    this.#batchCount++
    this.#recordCount += header.recordCount
    this.#nextOffset = header.lastOffset + 1
  }

  #marker(header: BatchHeader, records: Buffer, check: TransactionIndexCheck): void {
    const ended = takeIn(this.#producers, header, records)
    // Everything that is read counts as safe, so that no ended transaction is kept in mind.
    this.#producers.firstUnstableOffset(header.lastOffset + 1)
    if (readControlRecord(records, 0)?.kind === 'abort') check.aborted(header, ended)
  }

  #damage(segment: WalkedSegment, damage: OpenDamage, lostTo: number | undefined): void {
    const { from, to, why, isTorn, reachesEnd } = damage
    const lostFrom = this.#nextOffset
    const isTornEnd = isTorn && reachesEnd && lostTo === undefined
    const lost =
      lostTo === undefined
        ? `what followed offset ${lostFrom - 1} is lost`
        : lostTo === lostFrom
          ? 'no offset is lost'
          : lostTo === lostFrom + 1
            ? `offset ${lostFrom} is lost`
            : `offsets ${lostFrom} to ${lostTo - 1} are lost`
    this.#report({
      kind: isTornEnd ? 'torn' : 'batch',
      path: segment.path,
      position: from,
      message: `${why}; ${to - from} bytes cannot be read, ${lost}`,
      baseOffset: segment.baseOffset,
      damage: { from, to, lostFrom, lostTo },
    })
    if (lostTo !== undefined) this.#nextOffset = Math.max(this.#nextOffset, lostTo)
  }

  #gap(path: string, baseOffset: number, position = 0): void {
    const from = this.#nextOffset
    this.#missingOffsets += baseOffset - from
    this.#nextOffset = baseOffset
    if (this.#partition.isCompacted !== false) return
    this.#isUnbroken = false
    this.#report({ kind: 'gap', path, position, message: `offsets ${from} to ${baseOffset - 1} are missing` })
  }

  #vanished(path: string): void {
    this.#isUnbroken = false
    if (!this.#partition.isRunning) this.#report({ kind: 'batch', path, position: undefined, message: 'it went away' })
  }

  #compareSnapshots(before: number): void {
    while (this.#snapshots.length > 0 && this.#snapshots[0]!.offset <= before) {
      const snapshot = this.#snapshots.shift()!
      if (before === Number.MAX_SAFE_INTEGER && snapshot.offset > this.#nextOffset) {
        if (!this.#partition.isRunning && this.#isUnbroken)
          this.#report(aboveEnd('snapshot', snapshot, this.#nextOffset))
      } else if (this.#isUnbroken && !this.#mayBeCompacted) {
        compareSnapshot(snapshot, this.#producers, { firstOffset: this.#firstOffset, report: p => this.#report(p) })
      }
    }
  }

  #checkMetadata(): void {
    const { folder } = this.#partition
    const metadata = `${folder}/${PARTITION_METADATA_FILE}`
    const bytes = readSmallFile(this.#fs, metadata)
    if (bytes !== undefined && parsePartitionMetadata(bytes) === undefined)
      this.#report({ kind: 'metadata', path: metadata, position: 0, message: 'it names no topic id' })
    const epochs = `${folder}/${LEADER_EPOCH_FILE}`
    const epochBytes = readSmallFile(this.#fs, epochs)
    if (epochBytes !== undefined && parseLeaderEpochs(epochBytes) === undefined)
      this.#report({
        kind: 'checkpoint',
        path: epochs,
        position: 0,
        message: 'it is no list of rising epochs and offsets',
      })
  }

  #checkOffsets(): void {
    const { checkpoints, isRunning } = this.#partition
    if (isRunning || this.#segments.length === 0) return
    for (const checkpoint of checkpoints.values())
      if (checkpoint.offset > this.#nextOffset) this.#report(aboveEnd('checkpoint', checkpoint, this.#nextOffset))
  }

  #report(problem: LogProblem): void {
    this.#problems.add(problem)
  }
}

interface SegmentChecks {
  readonly offsets: OffsetIndexCheck | undefined
  readonly times: TimeIndexCheck | undefined
  readonly transactions: TransactionIndexCheck
  readonly transactionBytes: Buffer
}

interface WalkedSegment extends FoundSegment {
  readonly path: string
  readonly sizeBytes: number
}

interface OpenDamage {
  readonly from: number
  readonly to: number
  readonly why: string
  readonly isTorn: boolean
  readonly reachesEnd: boolean
}

const missing = (kind: 'index' | 'timeindex', path: string, baseOffset: number): LogProblem => ({
  kind,
  path,
  position: undefined,
  message: 'it is missing',
  baseOffset,
})

const aboveEnd = (
  kind: 'snapshot' | 'checkpoint',
  { path, offset }: CheckpointedOffset,
  endOffset: number,
): LogProblem => ({
  kind,
  path,
  position: undefined,
  message: `it speaks of offset ${offset}, and the log ends at ${endOffset}`,
})
