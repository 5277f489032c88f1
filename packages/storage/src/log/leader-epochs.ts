/**
 * Which leader epoch began at which offset (KIP-101, KIP-320), rising in both. A partition begins with epoch 0 at offset 0; higher ones come with folders
 * that another broker wrote.
 */
import type { EpochEnd } from '../engine.ts'

export interface EpochStart {
  readonly epoch: number
  readonly startOffset: number
}

export class LeaderEpochs {
  #starts: EpochStart[]

  constructor(starts: readonly EpochStart[] = []) {
    this.#starts = [...starts]
  }

  get starts(): readonly EpochStart[] {
    return this.#starts
  }

  get latest(): number {
    return this.#starts.at(-1)?.epoch ?? 0
  }

  /** Notes that `epoch` writes from `startOffset` on. Answers whether that was news. */
  began(epoch: number, startOffset: number): boolean {
    const last = this.#starts.at(-1)
    if (last !== undefined && epoch <= last.epoch) return false
    this.#starts = this.#starts.filter(start => start.startOffset < startOffset)
    this.#starts.push({ epoch, startOffset })
    return true
  }

  epochOf(offset: number): number {
    return this.#starts.findLast(start => start.startOffset <= offset)?.epoch ?? -1
  }

  endOf(epoch: number, logEndOffset: number): EpochEnd {
    const above = this.#starts.findIndex(start => start.epoch > epoch)
    const known = above < 0 ? this.#starts.at(-1) : this.#starts[above - 1]
    if (epoch < 0 || known === undefined) return belowAll(epoch, this.#starts[0])
    if (above >= 0) return { kind: 'epoch', leaderEpoch: known.epoch, endOffset: this.#starts[above]!.startOffset }
    return known.epoch === epoch
      ? { kind: 'epoch', leaderEpoch: epoch, endOffset: logEndOffset }
      : { kind: 'epoch', leaderEpoch: -1, endOffset: -1 }
  }

  /** Forgets what ended at or before `offset`; the epoch that holds it begins there from now on. Answers whether anything changed. */
  cutBefore(offset: number): boolean {
    const holding = this.#starts.findLastIndex(start => start.startOffset <= offset)
    if (holding < 0 || (holding === 0 && this.#starts[0]!.startOffset === offset)) return false
    const { epoch } = this.#starts[holding]!
    this.#starts = [{ epoch, startOffset: offset }, ...this.#starts.slice(holding + 1)]
    return true
  }

  /** Forgets what began at `offset` or above, when the log is cut there. */
  cutFrom(offset: number): boolean {
    const kept = this.#starts.filter(start => start.startOffset < offset)
    const changed = kept.length !== this.#starts.length
    this.#starts = kept
    return changed
  }
}

const belowAll = (epoch: number, first: EpochStart | undefined): EpochEnd =>
  epoch < 0 || first === undefined
    ? { kind: 'epoch', leaderEpoch: -1, endOffset: -1 }
    : { kind: 'epoch', leaderEpoch: epoch, endOffset: first.startOffset }
