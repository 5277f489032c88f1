import { type Api, type Reader, responseHeaderIsFlexible, Writer, writeResponseHeader } from '@millrace/protocol'
import type { MaybePromise } from '@millrace/storage'
import type { Services } from '../services.ts'
import type { RequestContext } from './request-context.ts'
import { errorVisitor } from './response-errors.ts'

/** What the dispatcher sees: message types are gone, only bytes and numbers are left, and responses that it hands back as they are. */
export interface AnyHandler {
  readonly name: string
  readonly key: number
  readonly versions: readonly [min: number, max: number]
  readonly flexible: number
  /** Undefined for a request that gets no answer (produce with acks 0). The response is not written yet: its throttle time is only known after the work was done. */
  serve(services: Services, body: Reader, cx: RequestContext): MaybePromise<object | undefined>
  /** A response as a whole frame, its size prefix included. */
  frame(response: object, cx: RequestContext, throttleTimeMs: number): Writer
  /** Calls `count` for each error code other than 0 that a response holds. */
  errors(response: object, count: (code: number) => void): void
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
  return {
    name: api.name,
    key: api.key,
    versions: api.versions,
    flexible: api.flexible,
    serve(services, body, cx) {
      // Bytes after the end are let be, as Kafka does: librdkafka's Metadata has some.
      return handle(services, api.request.read(body, cx.version), cx)
    },
    frame(response, cx, throttleTimeMs) {
      const w = new Writer()
      w.int32(0)
      writeResponseHeader(w, cx.correlationId, responseHeaderIsFlexible(api.key, cx.version >= api.flexible))
      // What `handle` gave.
      const given = response as ResponseInput
      api.response.write(w, throttleTimeMs > 0 ? { ...given, throttleTimeMs } : given, cx.version)
      w.patchInt32(w.length - 4)
      return w
    },
    errors: (response, count) => visitErrors?.(response as Record<string, unknown>, count),
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
