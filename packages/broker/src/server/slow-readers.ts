/**
 * What becomes of clients that ask and do not read, when what waits for them is most of what may wait for all. As long as there is room a reader may be as slow
 * as it likes. When room gets short, those of whose bytes the system has taken none for some seconds are hung up on, the longest silent first, until there is
 * room again: what they did not take is still in the log, and they find it there when they come back.
 *
 *     calm ──ServerLoad is pressed──► a look every LOOK_MS, at who got on and who did not ──not pressed any more──► calm
 */
import type { Clock } from '@millrace/base'
import type { ServerLoad } from './server-load.ts'

const LOOK_MS = 500
/** Looks in a row at which nothing had left. */
const LOOKS_MAX = 4

/** A connection as far as its unread answers go. */
export interface Reader {
  /** Bytes that the system has not taken. It falls while a client reads, however slowly. */
  readonly backlogBytes: number
  close(reason: string): void
}

interface Stall {
  backlogBytes: number
  looks: number
}

export class SlowReaders {
  readonly #load: ServerLoad
  readonly #readers: ReadonlySet<Reader>
  readonly #clock: Clock
  #stalls = new Map<Reader, Stall>()
  #isLooking = false
  #isStopped = false

  constructor(load: ServerLoad, readers: ReadonlySet<Reader>, clock: Clock) {
    this.#load = load
    this.#readers = readers
    this.#clock = clock
    load.onPressed = () => this.#lookLater()
  }

  stop(): void {
    this.#isStopped = true
  }

  #lookLater(): void {
    if (this.#isLooking || this.#isStopped) return
    this.#isLooking = true
    this.#clock.schedule(LOOK_MS, () => {
      this.#isLooking = false
      this.#look()
    })
  }

  #look(): void {
    if (!this.#load.isPressed || this.#isStopped) {
      this.#stalls = new Map()
      return
    }
    const stalls = new Map<Reader, Stall>()
    for (const reader of this.#readers) {
      const { backlogBytes } = reader
      if (backlogBytes === 0) continue
      const before = this.#stalls.get(reader)
      const looks = before?.backlogBytes === backlogBytes ? before.looks + 1 : 0
      stalls.set(reader, { backlogBytes, looks })
    }
    this.#stalls = stalls
    this.#hangUp()
    this.#lookLater()
  }

  #hangUp(): void {
    const stuck = [...this.#stalls].filter(([, { looks }]) => looks >= LOOKS_MAX)
    stuck.sort(([, a], [, b]) => b.looks - a.looks)
    for (const [reader] of stuck) {
      if (!this.#load.isPressed) return
      this.#stalls.delete(reader)
      reader.close('it does not read its answers, and their memory is needed for others')
    }
  }
}
