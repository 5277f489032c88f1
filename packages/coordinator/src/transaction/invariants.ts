/** The invariants of SPEC.md, as checks of one step that the simulation makes after each; those about records are in the simulated world. */
import { assert } from '@millrace/base'
import { fingerprint } from '../group/classic/invariants.ts'
import type { ProducerIdAndEpoch, TransactionEvent } from './event.ts'
import { replayTransaction, transactionRecord } from './replay.ts'
import type { TransactionReply } from './reply.ts'
import type { Observation, SimulatedShell } from './simulated-shell.ts'
import type { SimulatedWorld } from './simulated-world.ts'
import { PRODUCER_EPOCH_MAX, type TransactionState, type TransactionStateKind } from './state.ts'

/** Where each state may come from: Kafka's table, and an end of nothing, which passes through Prepare* in one step. */
const MAY_FOLLOW: Readonly<Record<TransactionStateKind, readonly TransactionStateKind[]>> = {
  Dead: ['Dead', 'Empty', 'Ongoing', 'PrepareCommit', 'PrepareAbort', 'CompleteCommit', 'CompleteAbort'],
  Empty: ['Dead', 'Empty', 'CompleteCommit', 'CompleteAbort'],
  Ongoing: ['Empty', 'Ongoing', 'CompleteCommit', 'CompleteAbort'],
  PrepareCommit: ['Ongoing', 'PrepareCommit'],
  PrepareAbort: ['Ongoing', 'PrepareAbort'],
  CompleteCommit: ['PrepareCommit', 'CompleteCommit', 'Ongoing'],
  CompleteAbort: ['PrepareAbort', 'CompleteAbort', 'Empty', 'CompleteCommit', 'Ongoing'],
}

export class Invariants {
  readonly #world: SimulatedWorld
  /** Every identity that was given to a new producer. */
  readonly #started = new Set<string>()
  #decision: TransactionStateKind | undefined
  #before = ''

  constructor(world: SimulatedWorld) {
    this.#world = world
  }

  /** To be called before the step. */
  remember({ state }: SimulatedShell): void {
    this.#before = fingerprint(state)
  }

  check(seen: Observation, shell: SimulatedShell): void {
    assert(fingerprint(seen.before) === this.#before, 'I9 a step changes nothing that it was given')
    assert(shell.pending.size === 0, 'I1 every request is answered in its step')
    checkTransition(seen)
    checkEpochs(seen)
    checkTimers(seen.after, shell)
    checkDurable(seen, shell)
    checkRefused(seen)
    this.#checkDecision(seen)
    this.#checkComplete(seen)
    for (const effect of seen.effects) {
      if (effect.kind !== 'reply') continue
      checkServed(seen, effect.reply)
      this.#checkIdentity(seen.event, effect.reply)
    }
  }

  #checkIdentity(event: TransactionEvent, reply: TransactionReply): void {
    if (reply.kind !== 'initialized' && reply.kind !== 'ended') return
    assert(reply.producerEpoch <= PRODUCER_EPOCH_MAX, 'I3 the epoch beyond the last is given to nobody')
    if (event.kind === 'init' && reply.kind === 'initialized') {
      const key = `${reply.producerId}/${reply.producerEpoch}`
      assert(!this.#started.has(key), 'I3 what a new producer is given nobody else has')
      if (event.expected === null) {
        this.#started.add(key)
        this.#world.started(reply)
      }
    }
    if (event.kind === 'end' && event.transactionVersion >= 2) {
      const moves = reply.producerId !== event.producerId || reply.producerEpoch === event.producerEpoch + 1
      assert(moves, 'I12 with version 2 an end gives a new epoch')
    }
  }

  #checkDecision({ effects, after }: Observation): void {
    if (after.kind !== 'PrepareCommit' && after.kind !== 'PrepareAbort') {
      this.#decision = undefined
      return
    }
    this.#decision ??= after.kind
    assert(after.kind === this.#decision, 'I4 what is decided is decided once')
    for (const effect of effects) {
      if (effect.kind !== 'writeMarkers') continue
      assert(effect.committed === (after.kind === 'PrepareCommit'), 'I4 markers say what was decided')
    }
  }

  /** Each place that was in the transaction has had its marker. */
  #checkComplete({ before, after }: Observation): void {
    if (before.kind !== 'PrepareCommit' && before.kind !== 'PrepareAbort') return
    if (after.kind === before.kind || after.kind === 'Dead') return
    const partitions = [...before.partitions].flatMap(([topic, numbers]) => [...numbers].map(n => `${topic}-${n}`))
    for (const place of [...partitions, ...before.groups]) {
      assert(
        this.#world.isClosed(place, before.producerId),
        'I6 a transaction is complete when all markers are written',
      )
    }
  }
}

function checkTransition({ before, after, event }: Observation): void {
  assert(MAY_FOLLOW[after.kind].includes(before.kind), `I13 ${after.kind} does not follow ${before.kind}`)
  if (after.kind !== 'Dead' || before.kind === 'Dead' || event.kind === 'unload') return
  const isIdle = before.kind === 'Empty' || before.kind === 'CompleteCommit' || before.kind === 'CompleteAbort'
  assert(event.kind === 'expireId' && isIdle, 'I13 an id is forgotten only when it has expired and nothing is open')
}

function checkEpochs({ before, after }: Observation): void {
  if (before.kind === 'Dead' || after.kind === 'Dead') return
  if (after.producerId === before.producerId) {
    assert(after.producerEpoch >= before.producerEpoch, 'I3 the epoch never falls')
    assert(after.producerEpoch <= before.producerEpoch + 1, 'I3 an epoch is not skipped')
  } else {
    assert(
      after.producerEpoch === 0 && before.producerEpoch >= PRODUCER_EPOCH_MAX,
      'I3 a new id comes after the last epoch',
    )
  }
}

function checkTimers(state: TransactionState, { timers }: SimulatedShell): void {
  assert(timers.has('timeout') === (state.kind === 'Ongoing'), 'I8 an open transaction has a timeout, and no other')
  const isLeft =
    (state.kind === 'PrepareCommit' || state.kind === 'PrepareAbort') && state.partitions.size + state.groups.size === 0
  assert(timers.has('complete') === isLeft, 'I8 what only lacks its last write is tried again')
}

function checkDurable({ before, after }: Observation, { record }: SimulatedShell): void {
  if (after.kind === 'Dead') return assert(after.unloaded || record === null, 'I10 an id that is gone leaves nothing')
  assert(record !== null, 'I10 an id is stored')
  if (before === after) return
  const isSinking = before.kind === after.kind && after.kind.startsWith('Prepare')
  // While markers are written one by one, the record keeps all of them.
  if (isSinking) assert(record.status === after.kind, 'I10 the decision stays stored')
  else
    assert(
      fingerprint(transactionRecord(replayTransaction(record))) === fingerprint(transactionRecord(after)),
      'I10 replay gives the id back',
    )
}

/** Neither what was added nor what was ended is told without being stored, and a refusal stores nothing but an abort by a successor. */
function checkRefused({ event, effects, before, after }: Observation): void {
  const isRefused = effects.some(
    ({ kind, ...effect }) => kind === 'reply' && 'reply' in effect && 'error' in effect.reply,
  )
  const isWritten = effects.some(({ kind }) => kind === 'persist')
  if (!isRefused) return
  const fences = event.kind === 'init' && before.kind === 'Ongoing'
  assert(
    fences || (!isWritten && (before === after || event.kind === 'failed')),
    'I15 a refused request changes nothing',
  )
}

/** Nobody is served on the word of another producer. */
function checkServed({ before, event }: Observation, reply: TransactionReply): void {
  if (event.kind !== 'addPartitions' && event.kind !== 'addOffsets' && event.kind !== 'verify' && event.kind !== 'end')
    return
  if ('error' in reply) return
  assert(before.kind !== 'Dead', 'I11 only what is known is served')
  const isCurrent = isIdentity(before, event)
  if (event.kind !== 'end') return assert(isCurrent, 'I11 only the present producer is served')
  const isIdle = before.kind !== 'Ongoing'
  const isOneBefore =
    event.transactionVersion >= 2 &&
    isIdle &&
    (before.producerEpoch === event.producerEpoch + 1 || before.previousProducerId === event.producerId)
  assert(isCurrent || isOneBefore, 'I11 only the present producer ends its transaction, or hears how it ended')
  if (!isIdle || (isCurrent && !event.committed && event.transactionVersion >= 2)) return
  assert(before.kind === (event.committed ? 'CompleteCommit' : 'CompleteAbort'), 'I11 an end is confirmed that was')
}

function isIdentity(state: ProducerIdAndEpoch, { producerId, producerEpoch }: ProducerIdAndEpoch): boolean {
  return state.producerId === producerId && state.producerEpoch === producerEpoch
}
