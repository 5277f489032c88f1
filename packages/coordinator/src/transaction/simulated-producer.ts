/** A producer that asks a simulated id one thing after another, with only what matters spelt out. Errors are words, success is NONE. */
import { assert } from '@millrace/base'
import type { TransactionConfig, TransactionVersion } from './config.ts'
import type { ProducerIdAndEpoch } from './event.ts'
import type { TransactionReply } from './reply.ts'
import { SimulatedShell, type TimelessEvent } from './simulated-shell.ts'
import type { TransactionRequestId } from './state.ts'

export class SimulatedProducer {
  readonly shell: SimulatedShell
  /** What the producer knows itself by. */
  identity: ProducerIdAndEpoch = { producerId: -1, producerEpoch: -1 }
  /** By which it speaks. Programs of both generations may have one id, one after the other. */
  version: TransactionVersion
  readonly #replies = new Map<TransactionRequestId, TransactionReply>()
  #nextRequest = 1

  constructor(version: TransactionVersion, config: Partial<TransactionConfig> = {}) {
    this.version = version
    this.shell = new SimulatedShell({
      config: { transactionVersion: version, ...config },
      answered: (request, reply) => this.#replies.set(request, reply),
    })
  }

  /** A producer that has its id, and no transaction. */
  static ready(version: TransactionVersion, config: Partial<TransactionConfig> = {}): SimulatedProducer {
    const producer = new SimulatedProducer(version, config)
    producer.init()
    return producer
  }

  init(expected: ProducerIdAndEpoch | null = null, timeoutMs = 60_000): string {
    const reply = this.#ask(request => ({ kind: 'init', request, expected, timeoutMs }))
    return this.#learn(reply)
  }

  /** The first time after a start that may not know the last epochs. */
  initPassingOver(forgottenEpochs: number, expected: ProducerIdAndEpoch | null = null): string {
    const timeoutMs = 60_000
    return this.#learn(this.#ask(request => ({ kind: 'init', request, expected, timeoutMs, forgottenEpochs })))
  }

  add(partition: number, identity = this.identity): string {
    const partitions = [{ topic: 't', partition }]
    const transactionVersion = this.version
    return errorOf(
      this.#ask(request => ({ kind: 'addPartitions', request, ...identity, partitions, transactionVersion })),
    )
  }

  addGroup(groupId: string): string {
    const fields = { ...this.identity, groupId, transactionVersion: this.version }
    return errorOf(this.#ask(request => ({ kind: 'addOffsets', request, ...fields })))
  }

  /** The errors of partitions 0 and 1 and of group g. */
  verify(identity = this.identity): readonly string[] {
    const partitions = [0, 1].map(partition => ({ topic: 't', partition }))
    const reply = this.#ask(request => ({ kind: 'verify', request, ...identity, partitions, groups: ['g'] }))
    if (reply.kind !== 'verified') return [errorOf(reply)]
    return [...reply.partitions, ...reply.groups].map(({ error }) => error)
  }

  commit(identity = this.identity): string {
    return this.#end(true, identity)
  }

  abort(identity = this.identity): string {
    return this.#end(false, identity)
  }

  #end(committed: boolean, identity: ProducerIdAndEpoch): string {
    const transactionVersion = this.version
    return this.#learn(this.#ask(request => ({ kind: 'end', request, ...identity, committed, transactionVersion })))
  }

  #learn(reply: TransactionReply): string {
    if (reply.kind !== 'initialized' && reply.kind !== 'ended') return errorOf(reply)
    this.identity = { producerId: reply.producerId, producerEpoch: reply.producerEpoch }
    return 'NONE'
  }

  /** As if the answer had been lost: the producer does not learn what it says. */
  forgetting(act: () => string): string {
    const before = this.identity
    const answer = act()
    this.identity = before
    return answer
  }

  #ask(event: (request: TransactionRequestId) => TimelessEvent): TransactionReply {
    const request = this.#nextRequest++
    this.shell.apply(event(request))
    const reply = this.#replies.get(request)
    assert(reply !== undefined, 'the request was answered')
    return reply
  }

  get kind(): string {
    return this.shell.state.kind
  }
}

function errorOf(reply: TransactionReply): string {
  return 'error' in reply ? reply.error : 'NONE'
}
