/**
 * What a step asks of the shell, in order. Writes come first, before every other effect of the step: the shell makes them durable
 * together and then performs the rest. If they fail, it performs nothing, keeps the old state, and steps it with a `failed` event.
 */
import type { GroupRecord, OffsetRecord } from '../record.ts'
import type { PendingOffsetRecord } from '../transactions.ts'
import type { GroupTimer } from './event.ts'
import type { GroupReply } from './reply.ts'
import type { RequestId } from './state.ts'

export type GroupEffect = Persist | PersistOffsets | PersistPendingOffsets | BreakGuards | Reply | Arm | Disarm

/** `record` null deletes the group's record. */
export interface Persist {
  readonly kind: 'persist'
  readonly groupId: string
  readonly record: GroupRecord | null
}

/** When durable, the shell applies the same records to its offsets (`applyOffsets`). */
export interface PersistOffsets {
  readonly kind: 'persistOffsets'
  readonly groupId: string
  readonly records: readonly OffsetRecord[]
}

/** When durable, the shell applies the same records to its open transactions (`applyPendingOffsets`). */
export interface PersistPendingOffsets {
  readonly kind: 'persistPendingOffsets'
  readonly groupId: string
  readonly records: readonly PendingOffsetRecord[]
}

/** The producer's transaction has ended: the shell breaks the guards that were taken for it (`breakGuards`). */
export interface BreakGuards {
  readonly kind: 'breakGuards'
  readonly producerId: number
}

export interface Reply {
  readonly kind: 'reply'
  readonly to: RequestId
  readonly reply: GroupReply
}

/** Sets the timer, or moves it if it is armed. */
export interface Arm {
  readonly kind: 'arm'
  readonly timer: GroupTimer
  readonly at: number
}

/** May name a timer that is not armed. */
export interface Disarm {
  readonly kind: 'disarm'
  readonly timer: GroupTimer
}
