/**
 * Follows a plan, on a folder that nobody else has. Each step leaves, wherever it is cut off, what was there before or what is meant to be: damaged bytes are on the
 * device beside the log before the log is changed, a log is replaced by one rename, and its indexes are gone before they no longer fit.
 */
import { crc32c, writeInt64 } from '@millrace/protocol'
import { type FileSystem, type OpenFile, parentOf, readSmallFile, replaceFile } from '../file-system.ts'
import { scanBatches } from '../log/batch-scan.ts'
import { formatLeaderEpochs, formatOffsetCheckpoint, parseOffsetCheckpoint } from '../log/checkpoint-file.ts'
import { offsetOfFile, partitionOfFolder, segmentFile } from '../log/file-names.ts'
import { LeaderEpochs } from '../log/leader-epochs.ts'
import { OpenFiles } from '../log/open-files.ts'
import { producersBefore } from '../log/producer-replay.ts'
import { LogSegment } from '../log/segment.ts'
import { rebuildAborted } from '../log/transaction-index.ts'
import type { Damage } from './log-problem.ts'
import { asidePath, type PlannedStep, type RepairPlan, type RepairStep } from './repair-plan.ts'

const COPY_BYTES = 1024 * 1024
/** `index.interval.bytes`, as Kafka has it by default: a denser index is as good. */
const INDEX_INTERVAL_BYTES = 4096
const OPEN_FILES_MAX = 64
const EMPTY_BATCH_BYTES = 61

export async function repairPartition(fs: FileSystem, plan: RepairPlan, ends: Map<string, number>): Promise<void> {
  const repair = new PartitionRepair(fs, plan.folder)
  for (const { step } of plan.steps) await repair.run(step)
  await repair.finish()
  ends.set(`${plan.topic}-${plan.partition}`, repair.endOffset())
}

/** Of the data folder's own files. `ends`: where the logs end by now, by partition folder. */
export async function repairFolderFiles(
  fs: FileSystem,
  steps: readonly PlannedStep[],
  ends: ReadonlyMap<string, number>,
): Promise<void> {
  for (const { step } of steps) {
    if (step.kind === 'aside') await putAside(fs, step.path)
    if (step.kind === 'lower') await lowerCheckpoint(fs, step.path, ends)
  }
}

class PartitionRepair {
  readonly #fs: FileSystem
  readonly #files: OpenFiles
  readonly #folder: string
  readonly #toIndex = new Set<number>()
  #epochsPath: string | undefined
  readonly #toIndexAborts = new Set<number>()

  constructor(fs: FileSystem, folder: string) {
    this.#fs = fs
    this.#files = new OpenFiles(fs, OPEN_FILES_MAX)
    this.#folder = folder
  }

  async run(step: RepairStep): Promise<void> {
    switch (step.kind) {
      case 'skip':
        return this.#skip(step)
      case 'cut':
        return this.#cut(step)
      case 'reindex':
        return this.#forgetIndex(step)
      case 'aside':
        return putAside(this.#fs, step.path)
      case 'epochs':
        this.#epochsPath = step.path
        return
      case 'lower':
      case 'nothing':
        return
      default:
        step satisfies never
    }
  }

  /** Indexes last, when the logs are what they are to be. */
  async finish(): Promise<void> {
    const segments = this.#segments()
    for (const segment of segments.filter(({ baseOffset }) => this.#toIndex.has(baseOffset))) {
      await segment.rebuild({ depth: 'whole', indexIntervalBytes: INDEX_INTERVAL_BYTES })
      await segment.sync()
    }
    for (const segment of segments.filter(({ baseOffset }) => this.#toIndexAborts.has(baseOffset))) {
      this.#fs.remove(segment.transactions.path)
      const log = { folder: this.#folder, segments }
      await rebuildAborted(segment, await producersBefore({ fs: this.#fs }, log, segment))
      if (segment.hasTransactionIndex) await segment.transactions.sync()
    }
    if (this.#epochsPath !== undefined) await this.#writeEpochs(segments, this.#epochsPath)
    await this.#fs.syncFolder(this.#folder)
    for (const segment of segments) segment.close()
  }

  async #writeEpochs(segments: readonly LogSegment[], path: string): Promise<void> {
    const epochs = new LeaderEpochs()
    for (const segment of segments)
      await scanBatches(segment.log, { from: 0, end: segment.sizeBytes, depth: 'headers' }, batch => {
        if (batch.partitionLeaderEpoch >= 0) epochs.began(batch.partitionLeaderEpoch, batch.baseOffset)
        return true
      })
    if (this.#fs.stat(path) !== undefined) await putAside(this.#fs, path)
    await replaceFile(this.#fs, path, formatLeaderEpochs(epochs.starts))
  }

  /** Behind the last batch. */
  endOffset(): number {
    const last = this.#segments().at(-1)
    if (last === undefined) return 0
    const end = last.resume()
    last.close()
    return end
  }

  async #skip({ path, baseOffset, damages }: Extract<RepairStep, { kind: 'skip' }>): Promise<void> {
    const log = this.#open(path)
    const beside = `${path}.tmp`
    const whole = this.#fs.open(beside, 'create')
    try {
      for (const damage of damages) await this.#keep(log, path, damage)
      whole.truncate(0)
      await copyWithout(log, this.#fs.stat(path)!.sizeBytes, damages, whole)
      await whole.sync()
    } finally {
      whole.close()
      log.close()
    }
    this.#dropIndexes(baseOffset)
    await this.#fs.syncFolder(this.#folder)
    this.#fs.rename(beside, path)
    await this.#fs.syncFolder(this.#folder)
    this.#toIndex.add(baseOffset)
    // A marker may be among what is lost, or the begin of a transaction.
    this.#toIndexAborts.add(baseOffset)
  }

  async #cut({ path, baseOffset, damage }: Extract<RepairStep, { kind: 'cut' }>): Promise<void> {
    const log = this.#open(path)
    try {
      await this.#keep(log, path, damage)
      this.#dropIndexes(baseOffset)
      await this.#fs.syncFolder(this.#folder)
      log.truncate(damage.from)
      await log.sync()
    } finally {
      log.close()
    }
    this.#toIndex.add(baseOffset)
    this.#toIndexAborts.add(baseOffset)
    for (const name of this.#fs.list(this.#folder))
      if ((offsetOfFile(name, '.snapshot') ?? 0) > damage.lostFrom) await putAside(this.#fs, `${this.#folder}/${name}`)
  }

  async #forgetIndex({ path, baseOffset }: Extract<RepairStep, { kind: 'reindex' }>): Promise<void> {
    if (this.#fs.stat(path) !== undefined) await putAside(this.#fs, path)
    const again = path.endsWith('.txnindex') ? this.#toIndexAborts : this.#toIndex
    again.add(baseOffset)
  }

  /** The damaged bytes beside the log, on the device. */
  async #keep(log: OpenFile, path: string, { from, to }: Damage): Promise<void> {
    const kept = this.#fs.open(asidePath(path, from), 'create')
    try {
      kept.truncate(0)
      await copyRange(log, { from, to }, kept, 0)
      await kept.sync()
    } finally {
      kept.close()
    }
    await this.#fs.syncFolder(this.#folder)
  }

  #dropIndexes(baseOffset: number): void {
    for (const suffix of ['.index', '.timeindex'] as const)
      this.#fs.remove(segmentFile(this.#folder, baseOffset, suffix))
  }

  #segments(): LogSegment[] {
    const names = this.#fs.list(this.#folder)
    return names
      .flatMap(name => offsetOfFile(name, '.log') ?? [])
      .sort((a, b) => a - b)
      .map(baseOffset => {
        const stat = this.#fs.stat(segmentFile(this.#folder, baseOffset, '.log'))
        const at = { baseOffset, sizeBytes: stat?.sizeBytes ?? 0, createdMs: stat?.modifiedMs ?? 0 }
        return new LogSegment(this.#files, this.#folder, at)
      })
  }

  #open(path: string): OpenFile {
    const file = this.#fs.open(path, 'write')
    if (file === undefined) throw new Error(`${path} is gone`)
    return file
  }
}

async function putAside(fs: FileSystem, path: string): Promise<void> {
  fs.rename(path, asidePath(path))
  await fs.syncFolder(parentOf(path))
}

async function lowerCheckpoint(fs: FileSystem, path: string, ends: ReadonlyMap<string, number>): Promise<void> {
  const bytes = readSmallFile(fs, path)
  const offsets = bytes === undefined ? undefined : parseOffsetCheckpoint(bytes)
  if (offsets === undefined) return
  const lowered = [...offsets].flatMap(([name, offset]) => {
    const found = partitionOfFolder(name)
    return found === undefined ? [] : [{ ...found, offset: Math.min(offset, ends.get(name) ?? offset) }]
  })
  await replaceFile(fs, path, formatOffsetCheckpoint(lowered))
}

/** All of a log but its damage, with an empty batch where offsets were lost. */
async function copyWithout(log: OpenFile, size: number, damages: readonly Damage[], into: OpenFile): Promise<void> {
  let from = 0
  let at = 0
  for (const { from: damagedFrom, to, lostFrom, lostTo } of damages) {
    at = await copyRange(log, { from, to: damagedFrom }, into, at)
    if (lostTo !== undefined && lostTo > lostFrom) {
      into.write(placeholderBatch(lostFrom, lostTo), at)
      at += EMPTY_BATCH_BYTES
    }
    from = to
  }
  await copyRange(log, { from, to: size }, into, at)
}

/** Answers where the copy ends. */
async function copyRange(
  from: OpenFile,
  range: { readonly from: number; readonly to: number },
  into: OpenFile,
  at: number,
): Promise<number> {
  const block = Buffer.allocUnsafeSlow(Math.min(COPY_BYTES, Math.max(1, range.to - range.from)))
  for (let position = range.from; position < range.to; ) {
    const wanted = block.subarray(0, Math.min(block.length, range.to - position))
    const filled = await from.readLater(wanted, position)
    if (filled === 0) break
    into.write(wanted.subarray(0, filled), at + position - range.from)
    position += filled
  }
  return at + range.to - range.from
}

/** No record and no producer: readers go past it as past what compaction leaves. */
function placeholderBatch(lostFrom: number, lostTo: number): Buffer {
  const batch = Buffer.alloc(EMPTY_BATCH_BYTES, 0xff)
  writeInt64(batch, 0, lostFrom)
  batch.writeInt32BE(EMPTY_BATCH_BYTES - 12, 8)
  batch.writeInt8(2, 16)
  batch.writeInt16BE(0, 21)
  batch.writeInt32BE(lostTo - lostFrom - 1, 23)
  batch.writeInt32BE(0, 57)
  batch.writeUInt32BE(crc32c(batch, 21), 17)
  return batch
}
