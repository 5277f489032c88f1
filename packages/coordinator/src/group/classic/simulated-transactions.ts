/**
 * Transactions as a group sees them: offsets that wait for a marker. The model is a log: each commit has its place in it, and of those that took effect
 * the last one counts, whenever their markers came.
 */
import { assert, type Random } from '@millrace/base'
import { type GroupTransactions, takeGuard } from '../transactions.ts'
import type { Commit, CommitTransaction, EndTransaction } from './event.ts'
import type { Observation, SimulatedShell } from './simulated-shell.ts'
import type { RequestId } from './state.ts'

const PRODUCERS = 3

/** Producers that commit offsets in transactions, some on the word of a coordinator that has ended the transaction since. */
export class SimulatedTransactions {
  readonly #random: Random
  readonly #guards = new Map<number, number>()

  constructor(random: Random) {
    this.#random = random
  }

  commit(transactions: GroupTransactions): CommitTransaction {
    const producerId = this.#random.integer(PRODUCERS)
    const taken = this.#guards.get(producerId)
    const guard = taken !== undefined && this.#random.integer(3) > 0 ? taken : takeGuard(transactions, producerId)
    this.#guards.set(producerId, guard)
    return { producerId, guard }
  }

  end(request: RequestId, transactions: GroupTransactions): Omit<EndTransaction, 'now'> {
    const committed = this.#random.integer(3) > 0
    return { kind: 'endTransaction', request, producerId: this.#random.integer(PRODUCERS), committed, transactions }
  }
}

interface Placed {
  readonly place: number
  readonly offset: number
}

export class TransactionModel {
  readonly #committed = new Map<string, Placed>()
  readonly #pending = new Map<number, Map<string, Placed>>()
  readonly #brokenGuards = new Set<number>()
  #place = 0
  #guardsBefore: ReadonlyMap<number, number> = new Map()

  /** To be called before the step: the event's view is live. */
  remember({ transactions }: SimulatedShell): void {
    this.#guardsBefore = new Map(transactions.guards)
  }

  check(seen: Observation, shell: SimulatedShell): void {
    this.#follow(seen)
    const { event, effects } = seen
    for (const effect of effects) {
      if (effect.kind === 'persistOffsets' && event.kind !== 'endTransaction') {
        for (const { topic, partition, committed } of effect.records) {
          if (committed === null) this.#drop(`${topic}-${partition}`, event.kind !== 'expireOffsets')
        }
      }
      if (effect.kind === 'persistPendingOffsets' && (event.kind === 'deleteGroup' || event.kind === 'deleteOffsets')) {
        for (const { topic, partition } of effect.records) this.#drop(`${topic}-${partition}`, true)
      }
    }
    this.#compare(shell)
  }

  #follow({ event, effects }: Observation): void {
    const kinds = effects.flatMap(effect => (effect.kind === 'reply' ? [effect.reply] : []))
    for (const reply of kinds) {
      if (reply.kind === 'committed' && event.kind === 'commit') {
        this.#commit(
          event,
          reply.partitions.map(({ error }) => error === 'NONE'),
        )
      }
      if (reply.kind === 'transactionEnded' && event.kind === 'endTransaction') this.#end(event)
    }
  }

  #commit({ transaction, offsets }: Commit, stored: readonly boolean[]): void {
    const place = this.#place++
    if (transaction !== null) {
      assert(!this.#brokenGuards.has(transaction.guard), 'I17 nothing is left pending after its marker')
    }
    offsets.forEach(({ topic, partition, offset }, i) => {
      if (!stored[i]) return
      const of = transaction === null ? this.#committed : (this.#pending.get(transaction.producerId) ?? new Map())
      of.set(`${topic}-${partition}`, { place, offset })
      if (transaction !== null) this.#pending.set(transaction.producerId, of)
    })
  }

  #end({ producerId, committed }: EndTransaction): void {
    for (const [guard, owner] of this.#guardsBefore) if (owner === producerId) this.#brokenGuards.add(guard)
    for (const [key, placed] of this.#pending.get(producerId) ?? []) {
      const before = this.#committed.get(key)
      if (committed && (before === undefined || before.place < placed.place)) this.#committed.set(key, placed)
    }
    this.#pending.delete(producerId)
  }

  #drop(key: string, withPending: boolean): void {
    this.#committed.delete(key)
    if (!withPending) return assert(!this.#isPending(key), 'I16 what a transaction is about to replace does not expire')
    for (const offsets of this.#pending.values()) offsets.delete(key)
  }

  #isPending(key: string): boolean {
    return [...this.#pending.values()].some(offsets => offsets.has(key))
  }

  #compare({ offsets, transactions }: SimulatedShell): void {
    const stored = [...offsets].flatMap(([topic, partitions]) =>
      [...partitions].map(([partition, { offset }]) => `${topic}-${partition} ${offset}`),
    )
    const expected = [...this.#committed].map(([key, { offset }]) => `${key} ${offset}`)
    assert(`${stored.sort()}` === `${expected.sort()}`, 'I16 the last commit that took effect counts')
    const pending = [...transactions.pending].flatMap(([producerId, topics]) =>
      [...topics].flatMap(([topic, partitions]) =>
        [...partitions].map(([partition, { committed }]) => `${producerId} ${topic}-${partition} ${committed.offset}`),
      ),
    )
    const open = [...this.#pending].flatMap(([producerId, of]) =>
      [...of].map(([key, { offset }]) => `${producerId} ${key} ${offset}`),
    )
    assert(`${pending.sort()}` === `${open.sort()}`, 'I16 what is pending stays until its marker, and no longer')
  }
}
