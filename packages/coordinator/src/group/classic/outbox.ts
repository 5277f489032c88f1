/**
 * Gathers a step's effects. Writes are kept apart so that they come out first: nothing that a step does is seen before
 * all that it writes is durable.
 */
import type { GroupConfig } from '../config.ts'
import type { GroupRecord, OffsetRecord } from '../record.ts'
import type { PendingOffsetRecord } from '../transactions.ts'
import type { GroupEffect, Persist, PersistOffsets, PersistPendingOffsets } from './effect.ts'
import type { GroupTimer } from './event.ts'
import type { GroupReply, JoinError, SyncError } from './reply.ts'
import type { Member, MemberId, RequestId } from './state.ts'

type Write = Persist | PersistOffsets | PersistPendingOffsets

export class Outbox {
  readonly config: GroupConfig
  readonly now: number
  #writes: Write[] | undefined
  readonly #rest: GroupEffect[] = []

  constructor(config: GroupConfig, now: number) {
    this.config = config
    this.now = now
  }

  get effects(): readonly GroupEffect[] {
    return this.#writes === undefined ? this.#rest : [...this.#writes, ...this.#rest]
  }

  persist(groupId: string, record: GroupRecord | null): void {
    this.#write({ kind: 'persist', groupId, record })
  }

  persistOffsets(groupId: string, records: readonly OffsetRecord[]): void {
    if (records.length > 0) this.#write({ kind: 'persistOffsets', groupId, records })
  }

  persistPendingOffsets(groupId: string, records: readonly PendingOffsetRecord[]): void {
    if (records.length > 0) this.#write({ kind: 'persistPendingOffsets', groupId, records })
  }

  breakGuards(producerId: number): void {
    this.#rest.push({ kind: 'breakGuards', producerId })
  }

  #write(write: Write): void {
    this.#writes ??= []
    this.#writes.push(write)
  }

  /** For a step that goes on although its write failed. */
  dropWrites(): void {
    this.#writes = undefined
  }

  reply(to: RequestId, reply: GroupReply): void {
    this.#rest.push({ kind: 'reply', to, reply })
  }

  refuseJoin(to: RequestId, error: JoinError, memberId: MemberId): void {
    this.reply(to, { kind: 'joinRefused', error, memberId })
  }

  refuseSync(to: RequestId, error: SyncError): void {
    this.reply(to, { kind: 'syncRefused', error })
  }

  armIn(timer: GroupTimer, delayMs: number): void {
    this.#rest.push({ kind: 'arm', timer, at: this.now + delayMs })
  }

  disarm(timer: GroupTimer): void {
    this.#rest.push({ kind: 'disarm', timer })
  }

  /** The member has shown that it lives. */
  keepAlive(member: Member): void {
    this.armIn(member.sessionTimer, member.sessionTimeoutMs)
  }
}
