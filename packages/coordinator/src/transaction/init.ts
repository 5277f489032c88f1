/** InitProducerId: a producer takes the id over, and whoever had it before is locked out. */
import { assert } from '@millrace/base'
import { conclude, decide } from './decide.ts'
import type { Init } from './event.ts'
import type { Outbox } from './outbox.ts'
import { transactionRecord } from './replay.ts'
import type { InitError } from './reply.ts'
import {
  type Dead,
  type Decided,
  type Empty,
  type Idle,
  isEpochExhausted,
  type Ongoing,
  PRODUCER_EPOCH_MAX,
  type TransactionState,
} from './state.ts'

export function initUnknown(state: Dead, event: Init, out: Outbox): TransactionState {
  const error = refuseRequest(state, event, out) ?? (state.unloaded ? 'NOT_COORDINATOR' : undefined)
  if (error !== undefined) return refuse(state, event, error, out)
  const { freshProducerId } = event
  assert(freshProducerId >= 0, 'a new transactional id needs a fresh producer id')
  const identity = { producerId: freshProducerId, previousProducerId: freshProducerId, producerEpoch: 0 }
  return start({ ...identity, lastProducerEpoch: -1 }, { state, clientTransactionVersion: 0 }, event, out)
}

export function initIdle(state: Idle, event: Init, out: Outbox): TransactionState {
  const error = refuseRequest(state, event, out)
  if (error !== undefined) return refuse(state, event, error, out)
  const identity = nextIdentity(state, event)
  if (identity === undefined) return refuse(state, event, 'PRODUCER_FENCED', out)
  return start(identity, { state, clientTransactionVersion: state.clientTransactionVersion }, event, out)
}

/** Of two producers the older one has a transaction open: it is aborted first, and the newer one told to come again. */
export function initOngoing(state: Ongoing, event: Init, out: Outbox): TransactionState {
  const { expected, freshProducerId } = event
  const isStranger =
    expected !== null && (expected.producerId !== state.producerId || expected.producerEpoch !== state.producerEpoch)
  const error = refuseRequest(state, event, out) ?? (isStranger ? 'PRODUCER_FENCED' : undefined)
  if (error !== undefined) return refuse(state, event, error, out)
  const { transactionVersion } = out.config
  const decided = decide(state, { committed: false, transactionVersion, freshProducerId, isFence: true }, out.now)
  out.refuseInit(event.request, 'CONCURRENT_TRANSACTIONS')
  out.disarm('timeout')
  return conclude(decided, out)
}

export function initDecided(state: Decided, event: Init, out: Outbox): TransactionState {
  return refuse(state, event, refuseRequest(state, event, out) ?? 'CONCURRENT_TRANSACTIONS', out)
}

function refuseRequest({ transactionalId }: TransactionState, event: Init, { config }: Outbox): InitError | undefined {
  if (transactionalId === '') return 'INVALID_REQUEST'
  const isTimely = event.timeoutMs > 0 && event.timeoutMs <= config.transactionTimeoutMsMax
  return isTimely ? undefined : 'INVALID_TRANSACTION_TIMEOUT'
}

function refuse<S extends TransactionState>(state: S, event: Init, error: InitError, out: Outbox): S {
  out.refuseInit(event.request, error)
  return state
}

type Identity = Pick<Empty, 'producerId' | 'previousProducerId' | 'producerEpoch' | 'lastProducerEpoch'>

/**
 * Undefined when the producer was replaced. A new producer names no identity and always gets a new epoch. One that names its own (KIP-360) gets
 * the next; if it has been given that already and did not hear of it, it gets the same again, which is safe because any other producer's
 * start would have made `lastProducerEpoch` -1.
 */
function nextIdentity(state: Idle, { expected, freshProducerId, forgottenEpochs = 0 }: Init): Identity | undefined {
  const { producerId, previousProducerId, producerEpoch, lastProducerEpoch } = state
  if (expected !== null) {
    const isRotated = expected.producerId === previousProducerId && isEpochExhausted(expected)
    if (expected.producerId !== producerId && !isRotated) return undefined
    const isRetry = expected.producerEpoch === lastProducerEpoch && producerEpoch <= PRODUCER_EPOCH_MAX
    if (expected.producerEpoch !== producerEpoch)
      return isRetry ? { producerId, previousProducerId, producerEpoch, lastProducerEpoch } : undefined
  }
  const last = expected === null ? -1 : producerEpoch
  if (isEpochExhausted({ producerEpoch: producerEpoch + forgottenEpochs })) {
    assert(freshProducerId >= 0, 'an exhausted epoch needs a fresh producer id')
    return { producerId: freshProducerId, previousProducerId: producerId, producerEpoch: 0, lastProducerEpoch: last }
  }
  const next = producerEpoch + forgottenEpochs + 1
  return { producerId, previousProducerId: producerId, producerEpoch: next, lastProducerEpoch: last }
}

function start(
  identity: Identity,
  {
    state,
    clientTransactionVersion,
  }: { state: Dead | Idle; clientTransactionVersion: Empty['clientTransactionVersion'] },
  event: Init,
  out: Outbox,
): Empty {
  const next: Empty = {
    kind: 'Empty',
    transactionalId: state.transactionalId,
    ...identity,
    timeoutMs: event.timeoutMs,
    startTimestampMs: -1,
    lastUpdateTimestampMs: out.now,
    clientTransactionVersion,
  }
  out.persist(next.transactionalId, transactionRecord(next))
  const { producerId, producerEpoch } = identity
  out.reply(event.request, { kind: 'initialized', producerId, producerEpoch })
  return next
}
