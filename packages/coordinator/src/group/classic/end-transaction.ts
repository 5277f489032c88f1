/** What a transaction's marker does to a group: the offsets that wait for it are committed or dropped, whatever state the group is in. */
import type { OffsetRecord } from '../record.ts'
import { type PendingOffsetRecord, supersede } from '../transactions.ts'
import type { EndTransaction } from './event.ts'
import type { Outbox } from './outbox.ts'
import type { Dead, GroupState, Living } from './state.ts'

/** A group that is gone has taken what was pending with it. */
export function endNothing(state: Dead, event: EndTransaction, out: Outbox): GroupState {
  if (state.unloaded) out.reply(event.request, { kind: 'transactionNotEnded', error: 'NOT_COORDINATOR' })
  else tellEnded(event, out)
  return state
}

export function endTransaction<S extends Living>(state: S, event: EndTransaction, out: Outbox): S {
  const committed: OffsetRecord[] = []
  const changes: PendingOffsetRecord[] = []
  for (const [topic, partitions] of event.transactions.pending.get(event.producerId) ?? []) {
    for (const [partition, pending] of partitions) {
      changes.push({ producerId: event.producerId, topic, partition, pending: null })
      if (!event.committed || pending.isSuperseded) continue
      committed.push({ topic, partition, committed: pending.committed })
      changes.push(...supersede(event.transactions, { topic, partition }, pending.sequence))
    }
  }
  out.persistOffsets(state.groupId, committed)
  out.persistPendingOffsets(state.groupId, changes)
  tellEnded(event, out)
  return state
}

function tellEnded(event: EndTransaction, out: Outbox): void {
  out.breakGuards(event.producerId)
  out.reply(event.request, { kind: 'transactionEnded' })
}
