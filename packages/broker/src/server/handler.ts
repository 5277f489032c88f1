import { type Api, type Reader, responseHeaderIsFlexible, Writer, writeResponseHeader } from '@millrace/protocol'
import type { MaybePromise } from '@millrace/storage'
import type { Services } from '../services.ts'
import type { RequestContext } from './request-context.ts'
import { errorVisitor } from './response-errors.ts'

/** What the dispatcher sees: message types are gone, only bytes and numbers are left. */
export interface AnyHandler {
  readonly name: string
  readonly key: number
  readonly versions: readonly [min: number, max: number]
  readonly flexible: number
  /** Undefined for a request that gets no answer (produce with acks 0). */
  serve(services: Services, body: Reader, cx: RequestContext): MaybePromise<Answer | undefined>
}

/** A response before it is written: the throttle time is only known after the work was done. */
export interface Answer {
  /** A whole frame, its size prefix included. */
  frame(throttleTimeMs: number): Writer
  /** Calls `count` for each error code other than 0 that it holds. */
  errors(count: (code: number) => void): void
}

/**
 * Joins one API to the function that serves it. A handler translates between messages and the services; it holds no state and no algorithm.
 * Fields that the request's version lacks are at their defaults, and response fields that it lacks are left out, so that no handler asks for the version
 * but where Kafka's behaviour, and not its layout, differs.
 */
export function handler<Request, RequestInput, Response, ResponseInput extends object>(
  api: Api<Request, RequestInput, Response, ResponseInput>,
  handle: (services: Services, request: Request, cx: RequestContext) => MaybePromise<ResponseInput | undefined>,
): AnyHandler {
  const visitErrors = errorVisitor(api.response.type)
  const answer = (response: ResponseInput, cx: RequestContext): Answer => ({
    errors: count => visitErrors?.(response as Record<string, unknown>, count),
    frame(throttleTimeMs) {
      const w = new Writer()
      w.int32(0)
      writeResponseHeader(w, cx.correlationId, responseHeaderIsFlexible(api.key, cx.version >= api.flexible))
      api.response.write(w, throttleTimeMs > 0 ? { ...response, throttleTimeMs } : response, cx.version)
      w.patchInt32(w.length - 4)
      return w
    },
  })
  return {
    name: api.name,
    key: api.key,
    versions: api.versions,
    flexible: api.flexible,
    serve(services, body, cx) {
      // Bytes after the end are let be, as Kafka does: librdkafka's Metadata has some.
      const request = api.request.read(body, cx.version)
      const response = handle(services, request, cx)
      if (response instanceof Promise) return response.then(r => (r === undefined ? undefined : answer(r, cx)))
      return response === undefined ? undefined : answer(response, cx)
    },
  }
}

export class Registry {
  readonly #handlers: readonly (AnyHandler | undefined)[]

  constructor(handlers: readonly AnyHandler[]) {
    const byKey: (AnyHandler | undefined)[] = []
    for (const h of handlers) {
      if (byKey[h.key] !== undefined) throw new Error(`two handlers for api key ${h.key}`)
      byKey[h.key] = h
    }
    this.#handlers = byKey
  }

  find(key: number): AnyHandler | undefined {
    return key < 0 ? undefined : this.#handlers[key]
  }

  /** ApiVersions is answered from here, so what is advertised cannot drift from what is served. */
  all(): readonly AnyHandler[] {
    return this.#handlers.filter(h => h !== undefined)
  }
}

export const supports = (h: AnyHandler, version: number): boolean =>
  version >= h.versions[0] && version <= h.versions[1]
