/**
 * Opening a partition's folder. After a clean stop nothing is scanned but the few batches behind the last index entry. After any other end, every
 * segment from the recovery point on is read whole: checksums are computed, the log is cut at the first batch that is not whole and good, indexes
 * are made again, and producers are rebuilt from the newest snapshot that fits and the batches behind it.
 */
import type { BatchHeader } from '@millrace/protocol'
import type { LogConfig } from '../engine.ts'
import { StorageError } from '../engine.ts'
import { readSmallFile } from '../file-system.ts'
import { takeIn } from './admission.ts'
import { scanBatches } from './batch-scan.ts'
import { parseLeaderEpochs } from './checkpoint-file.ts'
import { finishSwaps } from './cleaner/segment-swap.ts'
import { DiskLog, type LogIdentity } from './disk-log.ts'
import {
  LEADER_EPOCH_FILE,
  offsetOfFile,
  SYNC_FAILED_FILE,
  segmentFile,
  TRANSACTION_INDEXES_FILE,
} from './file-names.ts'
import { LeaderEpochs } from './leader-epochs.ts'
import type { LogServices } from './log-services.ts'
import { producersBefore } from './producer-replay.ts'
import { decodeSnapshot } from './producer-snapshot.ts'
import { ProducerStates } from './producer-state.ts'
import { LogSegment } from './segment.ts'
import { appendAborted } from './transaction-index.ts'
import { checkedContent, readIndexSums } from './transaction-index-sums.ts'

export interface LogPlace extends LogIdentity {
  readonly folder: string
  readonly config: LogConfig
  readonly folderIsNew: boolean
}

/** What the checkpoints of the data folder say of the partition. */
export interface KnownOffsets {
  readonly isClean: boolean
  readonly recoveryPoint: number
  readonly logStartOffset: number
  readonly producerExpirationMs: number
  /** What is appended from now on has at least this one. */
  readonly leaderEpoch: number
  /** Where the last cleaning ended; undefined before the first one. */
  readonly cleanedUpTo: number | undefined
}

export interface OpenedLog {
  readonly log: DiskLog
  readonly recoveredSegments: number
  readonly truncatedBytes: number
}

export async function openLog(services: LogServices, place: LogPlace, known: KnownOffsets): Promise<OpenedLog> {
  const names = place.folderIsNew ? [] : await finishSwaps(services, place.folder)
  return new Loading(services, { place, known, names }).run()
}

class Loading {
  readonly #services: LogServices
  readonly #place: LogPlace
  readonly #known: KnownOffsets
  readonly #names: ReadonlySet<string>
  readonly #producers = new ProducerStates()
  readonly #epochs: LeaderEpochs
  #segments: LogSegment[] = []
  #snapshots: number[] = []
  #logEndOffset = 0
  #recoveredSegments = 0
  #truncatedBytes = 0

  constructor(
    services: LogServices,
    { place, known, names }: { place: LogPlace; known: KnownOffsets; names: readonly string[] },
  ) {
    this.#services = services
    this.#place = place
    this.#known = known
    this.#names = new Set(names)
    this.#epochs = new LeaderEpochs(this.#storedEpochs())
  }

  async run(): Promise<OpenedLog> {
    this.#tidy()
    this.#segments = this.#findSegments()
    this.#dropBelowStart()
    if (this.#segments.length === 0) this.#beginAt(this.#known.logStartOffset)
    else await this.#open()
    if (this.#logEndOffset < this.#known.logStartOffset) this.#startOver()
    if (this.#epochs.starts.length === 0) this.#epochs.began(0, this.#segments[0]!.baseOffset)
    return this.#opened()
  }

  async #open(): Promise<void> {
    const firstUnsafe = this.#known.isClean ? this.#segments.length : this.#firstUnsafeSegment()
    this.#expectIndexes(this.#segments.slice(0, firstUnsafe))
    await this.#restoreProducers(firstUnsafe)
    if (firstUnsafe < this.#segments.length) await this.#recover(firstUnsafe)
    else await this.#resume()
  }

  async #opened(): Promise<OpenedLog> {
    const { producerExpirationMs, logStartOffset } = this.#known
    const segments = this.#segments
    this.#producers.expire(this.#services.clock.now(), producerExpirationMs)
    const log = new DiskLog(this.#services, this.#place, {
      folder: this.#place.folder,
      config: this.#place.config,
      segments,
      producers: this.#producers,
      epochs: this.#epochs,
      logStartOffset: Math.max(logStartOffset, segments[0]!.baseOffset),
      logEndOffset: this.#logEndOffset,
      flushedOffset: segments.find(segment => segment.isDirty)?.baseOffset ?? this.#logEndOffset,
      // A process that was killed may have left names that are not on the device.
      folderIsNew: this.#place.folderIsNew || !this.#known.isClean,
      straySnapshot: this.#keepOneStraySnapshot(),
      cleanedUpTo: this.#known.cleanedUpTo,
    })
    const epochsChanged = this.#epochs.cutFrom(this.#logEndOffset + 1)
    const hasNewEpoch = this.#known.leaderEpoch > 0 && this.#epochs.began(this.#known.leaderEpoch, this.#logEndOffset)
    if (epochsChanged || hasNewEpoch || !this.#names.has(LEADER_EPOCH_FILE)) log.saveEpochs()
    const closed = segments.slice(0, -1).filter(segment => segment.isDirty)
    if (closed.length > 0) log.settle(closed)
    // A killed process leaves what the device does not have yet: it is read and repeated from now on as if it had been promised.
    const isUnsynced = log.flusher.flushedOffset < log.logEndOffset
    const syncFailed = this.#names.has(SYNC_FAILED_FILE)
    if (syncFailed || (isUnsynced && log.config.flushMessages < Number.MAX_SAFE_INTEGER)) await log.flusher.flush()
    if (syncFailed) this.#services.fs.remove(`${this.#place.folder}/${SYNC_FAILED_FILE}`)
    return { log, recoveredSegments: this.#recoveredSegments, truncatedBytes: this.#truncatedBytes }
  }

  /** Undefined where the file is missing or makes no sense: recovery reads epochs from the batches. */
  #storedEpochs(): ReturnType<typeof parseLeaderEpochs> {
    if (!this.#names.has(LEADER_EPOCH_FILE)) return undefined
    const bytes = readSmallFile(this.#services.fs, `${this.#place.folder}/${LEADER_EPOCH_FILE}`)
    return bytes === undefined ? undefined : parseLeaderEpochs(bytes)
  }

  /** What an end in the middle of something left behind. */
  #tidy(): void {
    for (const name of this.#names) {
      if (/\.(deleted|tmp)$/.test(name)) this.#services.fs.remove(`${this.#place.folder}/${name}`)
      const index = /^(\d{20})\.(index|timeindex|txnindex)$/.exec(name)
      if (index !== null && !this.#names.has(`${index[1]}.log`))
        this.#services.fs.remove(`${this.#place.folder}/${name}`)
    }
  }

  #findSegments(): LogSegment[] {
    const { fs, files } = this.#services
    const { folder } = this.#place
    const segments: LogSegment[] = []
    for (const name of this.#names) {
      const snapshot = offsetOfFile(name, '.snapshot')
      if (snapshot !== undefined) this.#snapshots.push(snapshot)
      const baseOffset = offsetOfFile(name, '.log')
      if (baseOffset === undefined) continue
      const stat = fs.stat(`${folder}/${name}`)
      const sizeBytes = stat?.sizeBytes ?? 0
      const segment = new LogSegment(files, folder, { baseOffset, sizeBytes, createdMs: stat?.modifiedMs ?? 0 })
      segment.hasTransactionIndex = this.#has(segment, 'txnindex')
      segment.isNew = !this.#known.isClean
      segments.push(segment)
    }
    return segments.sort((a, b) => a.baseOffset - b.baseOffset)
  }

  #has(segment: LogSegment, suffix: string): boolean {
    return this.#names.has(`${String(segment.baseOffset).padStart(20, '0')}.${suffix}`)
  }

  /** Of segments that are not read through: what they say is held against it when it is used. */
  #expectIndexes(safe: readonly LogSegment[]): void {
    for (const segment of safe) segment.transactionsAreNoted = true
    if (!this.#names.has(TRANSACTION_INDEXES_FILE)) return
    const sums = readIndexSums(this.#services.fs, this.#place.folder)
    for (const segment of safe) segment.transactionSum = sums.get(segment.baseOffset)
  }

  /** A segment is unsafe from the recovery point on: that is, when it ends above. */
  #firstUnsafeSegment(): number {
    const first = this.#segments.findIndex((_, i) => {
      const next = this.#segments[i + 1]
      return next === undefined || next.baseOffset > this.#known.recoveryPoint
    })
    return first < 0 ? this.#segments.length : first
  }

  /** From the newest snapshot that is whole and not above the limit, and the headers from there up to the first unsafe segment. */
  async #restoreProducers(firstUnsafe: number): Promise<void> {
    const limit = this.#segments[firstUnsafe]?.baseOffset ?? Number.MAX_SAFE_INTEGER
    const from = this.#loadSnapshot(limit) ?? this.#segments[0]!.baseOffset
    for (const [i, segment] of this.#segments.slice(0, firstUnsafe).entries()) {
      await this.#ensureIndexes(segment)
      const next = this.#segments[i + 1]
      if (next !== undefined && next.baseOffset <= from) continue
      const start = await this.#find(segment, Math.max(from, segment.baseOffset))
      if (start === undefined) continue
      const range = { from: start.position, end: segment.sizeBytes, depth: 'headers' } as const
      await scanBatches(segment.log, range, (batch, records) => {
        if (batch.baseOffset >= from) takeIn(this.#producers, batch, records)
        return true
      })
    }
  }

  async #find(segment: LogSegment, offset: number): Promise<ReturnType<LogSegment['find']>> {
    try {
      return segment.find(offset)
    } catch (fault) {
      if (!(fault instanceof StorageError) || fault.code !== 'CORRUPT') throw fault
      await this.#rebuildIndexes(segment, fault.message)
      return segment.find(offset)
    }
  }

  #loadSnapshot(limit: number): number | undefined {
    const { fs, logger } = this.#services
    for (const offset of this.#snapshots.filter(known => known <= limit).sort((a, b) => b - a)) {
      const path = segmentFile(this.#place.folder, offset, '.snapshot')
      const bytes = readSmallFile(fs, path)
      const states = bytes === undefined ? undefined : decodeSnapshot(bytes)
      if (states !== undefined) {
        for (const state of states) this.#producers.restore(state)
        return offset
      }
      logger.warn('producer snapshot is damaged and not used', { path })
      fs.remove(path)
      this.#snapshots = this.#snapshots.filter(known => known !== offset)
    }
    return undefined
  }

  /** Indexes of safe segments are believed; a file that is missing is made again. */
  async #ensureIndexes(segment: LogSegment): Promise<void> {
    if (this.#has(segment, 'index') && this.#has(segment, 'timeindex')) return
    await this.#rebuildIndexes(segment, `${segment.log.path} lacks an index`)
  }

  async #rebuildIndexes(segment: LogSegment, reason: string): Promise<void> {
    this.#services.logger.warn('index is made again', { reason })
    await segment.rebuild({ depth: 'headers', indexIntervalBytes: this.#place.config.indexIntervalBytes })
    this.#recoveredSegments++
  }

  async #recover(firstUnsafe: number): Promise<void> {
    const { indexIntervalBytes } = this.#place.config
    let nextOffset = this.#segments[firstUnsafe]!.baseOffset
    for (let i = firstUnsafe; i < this.#segments.length; i++) {
      const segment = this.#segments[i]!
      if (this.#isBehindGap(segment, nextOffset)) {
        this.#dropFrom(i)
        break
      }
      const sizeBytes = segment.sizeBytes
      if (segment.hasTransactionIndex) segment.transactions.truncate(0)
      const goodEnd = await segment.rebuild({ depth: 'whole', indexIntervalBytes }, (batch, records) => {
        if (batch.baseOffset < nextOffset) return false
        nextOffset = batch.lastOffset + 1
        this.#replay(segment, batch, records)
        return true
      })
      this.#recoveredSegments++
      if (goodEnd === sizeBytes) continue
      segment.log.truncate(goodEnd)
      this.#truncatedBytes += sizeBytes - goodEnd
      this.#dropFrom(i + 1)
    }
    this.#logEndOffset = Math.max(nextOffset, this.#segments.at(-1)!.baseOffset)
    if (this.#names.has(SYNC_FAILED_FILE))
      for (const segment of this.#segments.slice(firstUnsafe)) await writeAgain(segment)
  }

  /** A power cut may take the end of a segment and leave the next one. Only compaction leaves gaps of its own, also where the topic was compacted once. */
  #isBehindGap(segment: LogSegment, nextOffset: number): boolean {
    const isCompacted = this.#place.config.cleanupPolicy.includes('compact') || this.#known.cleanedUpTo !== undefined
    return segment.baseOffset > nextOffset && !isCompacted
  }

  #replay(segment: LogSegment, batch: BatchHeader, records: Buffer): void {
    const ended = takeIn(this.#producers, batch, records)
    if (ended?.aborted === true) appendAborted(segment, ended, this.#producers.firstOpenOffset ?? batch.lastOffset + 1)
    this.#epochs.began(batch.partitionLeaderEpoch, batch.baseOffset)
  }

  /** What follows a cut does not join it any more. */
  #dropFrom(index: number): void {
    for (const segment of this.#segments.splice(index)) {
      this.#truncatedBytes += segment.sizeBytes
      this.#removeFiles(segment)
    }
  }

  /** What retention had removed, and a power cut brought back: in part, and with gaps. */
  #dropBelowStart(): void {
    const first = this.#segments.findLastIndex(segment => segment.baseOffset <= this.#known.logStartOffset)
    for (const segment of this.#segments.splice(0, Math.max(0, first))) this.#removeFiles(segment)
  }

  #removeFiles(segment: LogSegment): void {
    segment.close()
    for (const suffix of ['.log', '.index', '.timeindex', '.txnindex'] as const)
      this.#services.fs.remove(segmentFile(this.#place.folder, segment.baseOffset, suffix))
  }

  async #resume(): Promise<void> {
    const active = this.#segments.at(-1)!
    try {
      this.#logEndOffset = active.resume()
      // From now on it grows, and what it was when it was closed cannot be asked any more.
      checkedContent(active)
    } catch (fault) {
      if (!(fault instanceof StorageError) || fault.code !== 'CORRUPT') throw fault
      this.#services.logger.warn('index is made again', { reason: fault.message })
      await this.#recoverActive(active)
    }
    active.transactionSum = undefined
    active.transactionsAreNoted = false
  }

  /** Its transactions may have begun in earlier segments: what was open then is not what is open at the end. */
  async #recoverActive(active: LogSegment): Promise<void> {
    const log = { folder: this.#place.folder, segments: this.#segments }
    const before = await producersBefore(this.#services, log, active)
    this.#producers.clear()
    for (const state of before.values()) this.#producers.restore(state)
    await this.#recover(this.#segments.length - 1)
  }

  #beginAt(baseOffset: number): void {
    const at = { baseOffset, nowMs: this.#services.clock.now() }
    this.#segments = [LogSegment.create(this.#services.files, this.#place.folder, at)]
    this.#logEndOffset = baseOffset
  }

  /** The log lost what the log start says was there: it begins anew where it should. */
  #startOver(): void {
    const { logStartOffset } = this.#known
    this.#services.logger.warn('log ends below its start and begins anew', {
      folder: this.#place.folder,
      logEndOffset: this.#logEndOffset,
      logStartOffset,
    })
    this.#dropFrom(0)
    this.#producers.clear()
    for (const offset of this.#snapshots) this.#services.fs.remove(segmentFile(this.#place.folder, offset, '.snapshot'))
    this.#snapshots = []
    this.#beginAt(logStartOffset)
  }

  /** Snapshots belong to segments, but for one that a clean stop left. */
  #keepOneStraySnapshot(): number | undefined {
    const bases = new Set(this.#segments.map(segment => segment.baseOffset))
    const strays = this.#snapshots.filter(offset => !bases.has(offset)).sort((a, b) => b - a)
    const kept = strays.find(offset => offset <= this.#logEndOffset)
    for (const offset of strays)
      if (offset !== kept) this.#services.fs.remove(segmentFile(this.#place.folder, offset, '.snapshot'))
    return kept
  }
}

const WRITE_AGAIN_BYTES = 1 << 20

/** A sync that failed left pages that the kernel takes for written: no later sync would bring them to the device, unless they are written once more. */
async function writeAgain({ log, sizeBytes }: LogSegment): Promise<void> {
  const block = Buffer.allocUnsafeSlow(Math.min(WRITE_AGAIN_BYTES, sizeBytes))
  for (let position = 0; position < sizeBytes; ) {
    const length = await log.readLater(block.subarray(0, Math.min(block.length, sizeBytes - position)), position)
    if (length === 0) return
    log.write(block.subarray(0, length), position)
    position += length
  }
}
