/** What nobody asked for: time-outs, expiry, the id's life on this node, and what becomes of it when a write fails. */
import { complete, conclude, decide, isWritten, withoutMarkers } from './decide.ts'
import type { Expire, ExpireId, Failed, Loaded, TransactionEvent, Unload } from './event.ts'
import type { Outbox } from './outbox.ts'
import {
  absentTransaction,
  type Dead,
  type Decided,
  type Idle,
  type Living,
  type Ongoing,
  type TransactionState,
} from './state.ts'

export function ignore<S extends TransactionState>(state: S): S {
  return state
}

/** Whoever has the transaction open has taken too long: it is locked out, so that it cannot go on as if nothing had been. */
export function expireOngoing(state: Ongoing, { timer, freshProducerId }: Expire, out: Outbox): TransactionState {
  if (timer !== 'timeout') return state
  const { transactionVersion } = out.config
  const decision = { committed: false, transactionVersion, freshProducerId, isFence: true }
  return conclude(decide(state, decision, out.now), out)
}

export function expireDecided(state: Decided, { timer }: Expire, out: Outbox): TransactionState {
  return timer === 'complete' && isWritten(state) ? complete(state, out) : state
}

export function expireIdle(state: Idle, _event: ExpireId, out: Outbox): TransactionState {
  if (out.now - state.lastUpdateTimestampMs < out.config.transactionalIdExpirationMs) return state
  out.persist(state.transactionalId, null)
  return absentTransaction(state.transactionalId)
}

/** A clock that was set back meanwhile may give it its whole time again, and no more. */
export function resume(state: Ongoing, _event: Loaded, out: Outbox): TransactionState {
  out.arm('timeout', Math.min(state.startTimestampMs, out.now) + state.timeoutMs)
  return state
}

/** Which markers were written before the stop is not known: all are written again. */
export function resumeMarkers(state: Decided, _event: Loaded, out: Outbox): TransactionState {
  if (isWritten(state)) return complete(state, out)
  out.writeMarkers(state)
  return state
}

export function unload(state: Living, _event: Unload, out: Outbox): Dead {
  out.disarm('timeout')
  out.disarm('complete')
  return { kind: 'Dead', transactionalId: state.transactionalId, unloaded: true }
}

/** The request is told, and the id stays as it was; it can be asked again. */
export function refuseFailed<S extends TransactionState>(state: S, { event, error }: Failed, out: Outbox): S {
  refuse(event, error, out)
  return state
}

export function retryTimeout(state: Ongoing, failed: Failed, out: Outbox): TransactionState {
  if (failed.event.kind === 'expire') out.arm('timeout', out.now + out.config.retryMs)
  return refuseFailed(state, failed, out)
}

/** Markers that are written stay written: only what ends the transaction for good is tried again. */
export function retryComplete(state: Decided, failed: Failed, out: Outbox): TransactionState {
  const { event } = failed
  const next = event.kind === 'markersWritten' ? withoutMarkers(state, event) : state
  if (isWritten(next)) out.arm('complete', out.now + out.config.retryMs)
  return refuseFailed(next, failed, out)
}

function refuse(event: TransactionEvent, error: Failed['error'], out: Outbox): void {
  switch (event.kind) {
    case 'init':
      return out.refuseInit(event.request, error)
    case 'addPartitions':
    case 'addOffsets':
      return out.refuseAdd(event.request, error)
    case 'verify':
      return out.refuseVerify(event.request, error)
    case 'end':
      return out.refuseEnd(event.request, error)
    case 'markersWritten':
    case 'expire':
    case 'expireId':
    case 'loaded':
    case 'unload':
    case 'failed':
      return
    default:
      return event satisfies never
  }
}
