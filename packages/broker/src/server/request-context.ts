import type { Lease } from '@millrace/base'
import type { Authorizer, Operation, ResourceType } from '../security/authorizer.ts'

/** What is known of a connection and holds for each of its requests. */
export interface ConnectionFacts {
  readonly id: number
  /** Name of the listener it came in by. */
  readonly listener: string
  readonly principal: string
  /** The client's address without a port, as groups show it. */
  readonly clientHost: string
}

/** Who asks, by which version, and since when. One a request; it is the only thing about a request that a handler sees beside its message. */
export class RequestContext {
  readonly apiKey: number
  readonly version: number
  readonly correlationId: number
  readonly clientId: string
  readonly connection: ConnectionFacts
  readonly receivedMs: number
  /** Size of its frame. */
  readonly requestBytes: number
  /** Kept by ServerLoad. */
  parkedCount = 0
  /**
   * Set by a handler of which nothing looks at the request's bytes once it has answered, not even the answer: their memory is used again. Byte fields of a
   * request are views of it, so a handler that hands one to somebody who may keep it leaves this alone.
   */
  frameIsFree = false
  readonly #authorizer: Authorizer
  #closeReason: string | undefined
  #leases: Lease[] | undefined

  constructor(
    received: {
      start: { apiKey: number; apiVersion: number; correlationId: number }
      clientId: string | null
      requestBytes: number
      receivedMs: number
    },
    connection: ConnectionFacts,
    authorizer: Authorizer,
  ) {
    const { start } = received
    this.apiKey = start.apiKey
    this.version = start.apiVersion
    this.correlationId = start.correlationId
    this.clientId = received.clientId ?? ''
    this.connection = connection
    this.receivedMs = received.receivedMs
    this.requestBytes = received.requestBytes
    this.#authorizer = authorizer
  }

  mayDo(operation: Operation, resourceType: ResourceType, resourceName: string): boolean {
    return this.#authorizer.authorize(this.connection, operation, resourceType, resourceName)
  }

  /** The connection is to end once this request is done with: for what cannot be answered. */
  closeAfter(reason: string): void {
    this.#closeReason = reason
  }

  /** The answer has views of what is lent here: it goes back when the answer has left. */
  returnWhenSent(lease: Lease): void {
    this.#leases ??= []
    this.#leases.push(lease)
  }

  get leases(): readonly Lease[] | undefined {
    return this.#leases
  }

  get closeReason(): string | undefined {
    return this.#closeReason
  }
}
