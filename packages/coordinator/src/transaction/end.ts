/**
 * EndTxn. It is answered as soon as the decision is durable. Its answer may be lost, so it must be possible to repeat: the classic protocol knows a
 * repetition by the state alone; transactions v2 know it by the epoch, which the end has moved on, and can so tell it from the end of a
 * transaction that has not begun.
 */
import { conclude, decide, identityAfter } from './decide.ts'
import type { End } from './event.ts'
import type { Outbox } from './outbox.ts'
import { refuseProducer, refuseUnknown } from './producer-check.ts'
import type { EndError } from './reply.ts'
import { type Dead, type Decided, type Idle, type Ongoing, PRODUCER_EPOCH_MAX, type TransactionState } from './state.ts'

export function endUnknown(state: Dead, event: End, out: Outbox): TransactionState {
  return refuse(state, event, refuseUnknown(state), out)
}

/** With v2 this comes before every other check: the producer may already go by the id or epoch that it is to have afterwards. */
export function endDecided(state: Decided, event: End, out: Outbox): TransactionState {
  const error = event.transactionVersion >= 2 ? undefined : refuseProducer(state, event)
  return refuse(state, event, error ?? 'CONCURRENT_TRANSACTIONS', out)
}

export function endOngoing(state: Ongoing, event: End, out: Outbox): TransactionState {
  const error = refuseProducer(state, event)
  if (error !== undefined) return refuse(state, event, error, out)
  out.disarm('timeout')
  return end(state, event, out)
}

export function endIdle(state: Idle, event: End, out: Outbox): TransactionState {
  return event.transactionVersion >= 2 ? endIdleV2(state, event, out) : endIdleClassic(state, event, out)
}

function endIdleClassic(state: Idle, event: End, out: Outbox): TransactionState {
  const error = refuseProducer(state, event) ?? (isResult(state, event) ? undefined : 'INVALID_TXN_STATE')
  return error === undefined ? confirm(state, event, out) : refuse(state, event, error, out)
}

/** A producer may abort without having written, for it does not know whether what it sent has arrived. */
function endIdleV2(state: Idle, event: End, out: Outbox): TransactionState {
  const error = refuseProducer(state, event)
  if (error === undefined) {
    return event.committed ? refuse(state, event, 'INVALID_TXN_STATE', out) : end(state, event, out)
  }
  // An init leaves Empty: what was ended before it was another producer's.
  if (state.kind === 'Empty' || !isRetry(state, event)) return refuse(state, event, refusalOf(state, event, error), out)
  return isResult(state, event) ? confirm(state, event, out) : refuse(state, event, 'INVALID_TXN_STATE', out)
}

/** The epoch tells only where it was the end that moved it on: the classic protocol leaves it as the last start made it, for a successor perhaps. */
function isRetry(state: Idle, event: End): boolean {
  if (state.clientTransactionVersion < 2) return false
  const isBumped = event.producerEpoch + 1 === state.producerEpoch && state.producerEpoch <= PRODUCER_EPOCH_MAX
  return isOverflowed(state, event) || (isBumped && event.producerId === state.producerId)
}

/** The end that is repeated used up the last epoch, and gave the producer a new id. */
function isOverflowed(state: Idle, event: End): boolean {
  const isRotated = state.producerEpoch === 0 && state.previousProducerId !== state.producerId
  return isRotated && event.producerId === state.previousProducerId && event.producerEpoch === PRODUCER_EPOCH_MAX
}

function refusalOf(state: Idle, event: End, error: EndError): EndError {
  return isOverflowed(state, event) ? 'PRODUCER_FENCED' : error
}

function isResult({ kind }: Idle, { committed }: End): boolean {
  return kind === (committed ? 'CompleteCommit' : 'CompleteAbort')
}

function end(state: Ongoing | Idle, event: End, out: Outbox): TransactionState {
  const decided = decide(state, { ...event, isFence: false }, out.now)
  out.reply(event.request, { kind: 'ended', ...identityAfter(decided) })
  return conclude(decided, out)
}

function confirm(state: Idle, event: End, out: Outbox): TransactionState {
  const { producerId, producerEpoch } = state
  out.reply(event.request, { kind: 'ended', producerId, producerEpoch })
  return state
}

function refuse<S extends TransactionState>(state: S, event: End, error: EndError, out: Outbox): S {
  out.refuseEnd(event.request, error)
  return state
}
