import type { Clock, Lease, Logger } from '@millrace/base'
import { MalformedError, Reader, readRequestRest, readRequestStart } from '@millrace/protocol'
import { unsupportedApiVersions } from '../handlers/api-versions.ts'
import type { Metrics } from '../metrics/metrics.ts'
import type { Authorizer } from '../security/authorizer.ts'
import type { Quotas } from '../security/quotas.ts'
import type { Services } from '../services.ts'
import { type AnyHandler, type Registry, supports } from './handler.ts'
import { type ConnectionFacts, RequestContext } from './request-context.ts'

/**
 * What becomes of one request. `close` ends the connection, after the answers before it: what follows on it could not be understood, or must not be
 * answered. `answer` is for a peer that speaks another protocol. `frameIsFree`: nothing looks at the request's bytes any more, not even the answer.
 */
export type Outcome =
  | {
      readonly kind: 'answer'
      readonly chunks: readonly Buffer[]
      readonly bytes: number
      readonly throttleTimeMs: number
      /** To be released when the chunks have left, and not before. */
      readonly leases?: readonly Lease[] | undefined
      readonly frameIsFree?: boolean
    }
  | { readonly kind: 'silence'; readonly frameIsFree?: boolean }
  | { readonly kind: 'close'; readonly reason: string; readonly answer?: Buffer }

const API_VERSIONS = 18

export interface DispatcherOptions {
  readonly registry: Registry
  readonly services: Services
  readonly authorizer: Authorizer
  readonly quotas: Quotas
  readonly metrics: Metrics
  readonly clock: Clock
  readonly logger: Logger
}

/** Takes a frame to its handler and the handler's answer back to bytes. Holds nothing of any request. */
export class Dispatcher {
  readonly #options: DispatcherOptions

  constructor(options: DispatcherOptions) {
    this.#options = options
  }

  /** Answers at once where the handler does; a throw never leaves here. */
  dispatch(frame: Buffer, connection: ConnectionFacts): Outcome | Promise<Outcome> {
    const { registry, authorizer, clock, services, metrics } = this.#options
    const startedMs = clock.monotonicMs()
    let handler: AnyHandler | undefined
    let cx: RequestContext | undefined
    try {
      const r = new Reader(frame)
      const start = readRequestStart(r)
      handler = registry.find(start.apiKey)
      if (handler === undefined) {
        metrics.refused.unknownApi++
        return { kind: 'close', reason: `api key ${start.apiKey} is not served` }
      }
      if (!supports(handler, start.apiVersion)) return this.#unsupported(handler, start)
      const clientId = readRequestRest(r, start.apiVersion >= handler.flexible)
      cx = new RequestContext(
        { start, clientId, requestBytes: frame.length, receivedMs: clock.now() },
        connection,
        authorizer,
      )
      const served = handler.serve(services, r, cx)
      const [h, context] = [handler, cx]
      if (served instanceof Promise)
        return served.then(
          response => this.#outcome(h, context, response, startedMs),
          error => this.#failed(h, context, error),
        )
      return this.#outcome(handler, context, served, startedMs)
    } catch (error) {
      return this.#failed(handler, cx, error)
    }
  }

  #outcome(h: AnyHandler, cx: RequestContext, response: object | undefined, startedMs: number): Outcome {
    try {
      return this.#answer(h, cx, response, startedMs)
    } catch (error) {
      return this.#failed(h, cx, error)
    }
  }

  #answer(h: AnyHandler, cx: RequestContext, response: object | undefined, startedMs: number): Outcome {
    const { quotas, clock } = this.#options
    const { requestBytes } = cx
    const metrics = this.#options.metrics.of(h)
    const throttleTimeMs = quotas.charge(cx, requestBytes)
    if (response === undefined) {
      metrics.done(cx.version, clock.monotonicMs() - startedMs, requestBytes, 0)
      if (cx.closeReason !== undefined) return { kind: 'close', reason: cx.closeReason }
      return { kind: 'silence', frameIsFree: cx.frameIsFree }
    }
    const w = h.frame(response, cx, throttleTimeMs)
    const { leases, frameIsFree } = cx
    const outcome: Outcome = {
      kind: 'answer',
      bytes: w.length,
      chunks: w.chunks(),
      throttleTimeMs,
      leases,
      frameIsFree,
    }
    h.errors(response, metrics.error)
    metrics.done(cx.version, clock.monotonicMs() - startedMs, requestBytes, outcome.bytes)
    return outcome
  }

  /** KIP-35: a client may ask with a version that is too new, and finds the right one in the answer. For all other APIs Kafka closes the connection. */
  #unsupported(h: AnyHandler, start: { apiVersion: number; correlationId: number }): Outcome {
    if (h.key !== API_VERSIONS) {
      this.#options.metrics.refused.unsupportedVersion++
      return { kind: 'close', reason: `${h.name} version ${start.apiVersion} is not served` }
    }
    const w = unsupportedApiVersions(h, start.correlationId)
    return { kind: 'answer', bytes: w.length, chunks: w.chunks(), throttleTimeMs: 0 }
  }

  #failed(h: AnyHandler | undefined, cx: RequestContext | undefined, error: unknown): Outcome {
    const { metrics, logger } = this.#options
    const apiName = h?.name ?? 'request'
    if (error instanceof MalformedError) {
      metrics.refused.malformed++
      return { kind: 'close', reason: `malformed ${apiName}: ${error.message}` }
    }
    if (h !== undefined) metrics.of(h).failures++
    logger.error(`${apiName} failed inside the broker, its connection is closed`, {
      version: cx?.version,
      clientId: cx?.clientId,
      error,
      stack: error instanceof Error ? error.stack : undefined,
    })
    return { kind: 'close', reason: 'internal error' }
  }
}
