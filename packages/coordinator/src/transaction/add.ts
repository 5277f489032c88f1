/** Partitions and groups join a transaction; the first opens it. Nothing may be written to them before that is durable. */
import type { AddOffsets, AddPartitions, Verify } from './event.ts'
import type { Outbox } from './outbox.ts'
import { refuseProducer, refuseUnknown } from './producer-check.ts'
import { hasPartition, NO_GROUPS, NO_PARTITIONS, sizeOf, withPartitions } from './reach.ts'
import { transactionRecord } from './replay.ts'
import type { Dead, Decided, Idle, Living, Ongoing, TransactionState } from './state.ts'

type Add = AddPartitions | AddOffsets

export function addToUnknown(state: Dead, event: Add, out: Outbox): TransactionState {
  out.refuseAdd(event.request, refuseUnknown(state))
  return state
}

/** Comes before every other check: at an exhausted epoch the producer may already go by the id that it is to have afterwards. */
export function addDecided(state: Decided, event: Add, out: Outbox): TransactionState {
  out.refuseAdd(event.request, 'CONCURRENT_TRANSACTIONS')
  return state
}

export function addFirst(state: Idle, event: Add, out: Outbox): TransactionState {
  const error = refuseProducer(state, event)
  if (error !== undefined) {
    out.refuseAdd(event.request, error)
    return state
  }
  const { kind: _, ...body } = state
  const opened: Ongoing = {
    kind: 'Ongoing',
    ...body,
    partitions: NO_PARTITIONS,
    groups: NO_GROUPS,
    startTimestampMs: out.now,
  }
  const next = extend(opened, event, out)
  if (next === opened) return state
  out.arm('timeout', next.startTimestampMs + next.timeoutMs)
  return next
}

export function addMore(state: Ongoing, event: Add, out: Outbox): TransactionState {
  const error = refuseProducer(state, event)
  if (error !== undefined) out.refuseAdd(event.request, error)
  else if (!includes(state, event)) return extend(state, event, out)
  else out.reply(event.request, { kind: 'added' })
  return state
}

/** The same object when the transaction would get too large. */
function extend(state: Ongoing, event: Add, out: Outbox): Ongoing {
  const partitions =
    event.kind === 'addPartitions' ? withPartitions(state.partitions, event.partitions) : state.partitions
  const groups = event.kind === 'addOffsets' ? new Set(state.groups).add(event.groupId) : state.groups
  if (sizeOf(partitions) + groups.size > out.config.partitionsMax) {
    out.refuseAdd(event.request, 'UNKNOWN_SERVER_ERROR')
    return state
  }
  const next: Ongoing = {
    ...state,
    partitions,
    groups,
    previousProducerId: state.producerId,
    lastUpdateTimestampMs: out.now,
    clientTransactionVersion: event.transactionVersion,
  }
  out.persist(next.transactionalId, transactionRecord(next))
  out.reply(event.request, { kind: 'added' })
  return next
}

function includes(state: Ongoing, event: Add): boolean {
  if (event.kind === 'addOffsets') return state.groups.has(event.groupId)
  return event.partitions.every(partition => hasPartition(state.partitions, partition))
}

export function verifyUnknown(state: Dead, event: Verify, out: Outbox): TransactionState {
  out.refuseVerify(event.request, refuseUnknown(state))
  return state
}

export function verify(state: Living, event: Verify, out: Outbox): TransactionState {
  const isDecided = state.kind === 'PrepareCommit' || state.kind === 'PrepareAbort'
  const error = refuseProducer(state, event) ?? (isDecided ? 'CONCURRENT_TRANSACTIONS' : undefined)
  if (error !== undefined) {
    out.refuseVerify(event.request, error)
    return state
  }
  const open = state.kind === 'Ongoing' ? state : { partitions: NO_PARTITIONS, groups: NO_GROUPS }
  out.reply(event.request, {
    kind: 'verified',
    partitions: event.partitions.map(asked => ({ ...asked, error: outcome(hasPartition(open.partitions, asked)) })),
    groups: event.groups.map(groupId => ({ groupId, error: outcome(open.groups.has(groupId)) })),
  })
  return state
}

function outcome(isIn: boolean): 'NONE' | 'TRANSACTION_ABORTABLE' {
  return isIn ? 'NONE' : 'TRANSACTION_ABORTABLE'
}
