import type { RequestContext } from '../server/request-context.ts'

/** Decides for how long a client is to be slowed down (KIP-219): told in the answer, which leaves at once, and kept by not reading from the connection. */
export interface Quotas {
  /** Called once a request, before its answer is written. Answers milliseconds, 0 for not at all. */
  charge(cx: RequestContext, requestBytes: number): number
}

export const noQuotas: Quotas = { charge: () => 0 }
