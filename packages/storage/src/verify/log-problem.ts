/** What a check of a data folder finds: which file, where in it, and what it costs. */

export type ProblemKind =
  /** In a log: bytes that are no batch, a checksum that does not fit, records that cannot be read, offsets that do not rise. */
  | 'batch'
  /** At the end of a log: a batch that is not all there. */
  | 'torn'
  /** Offsets that no file holds, in a topic that is not compacted. */
  | 'gap'
  | 'index'
  | 'timeindex'
  | 'txnindex'
  | 'snapshot'
  | 'checkpoint'
  | 'metadata'

export interface LogProblem {
  readonly kind: ProblemKind
  readonly path: string
  /** In bytes; undefined where the file as a whole is meant. */
  readonly position: number | undefined
  readonly message: string
  /** Of the segment that the file belongs to. */
  readonly baseOffset?: number
  /** For damage in a log. */
  readonly damage?: Damage
}

/** A stretch of a log that cannot be believed, and what it costs. */
export interface Damage {
  readonly from: number
  readonly to: number
  /** Offsets that were there: from the end of the last good batch up to the begin of the next one. Undefined: nobody knows how many followed. */
  readonly lostFrom: number
  readonly lostTo: number | undefined
}

/** Bounded, because a garbled disk has more to tell than anybody can read. */
export class ProblemList {
  readonly kept: LogProblem[] = []
  count = 0

  add(problem: LogProblem): void {
    this.count++
    if (this.kept.length < PROBLEMS_KEPT_MAX) this.kept.push(problem)
  }
}

export const PROBLEMS_KEPT_MAX = 1_000
