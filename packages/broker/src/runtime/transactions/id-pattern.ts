/**
 * The pattern of ListTransactions (KIP-1152) over transactional ids. Kafka's own engine (RE2) takes time in proportion to the text; the one of this runtime can
 * be made to take for ever by a few characters, so it runs with a limit, after which the pattern counts as one that cannot be used.
 */
import { createContext, Script } from 'node:vm'

const TIME_MS_MAX = 100

const filter = new Script("const whole = new RegExp('^(?:' + pattern + ')$'); ids.filter(id => whole.test(id))")

/** The ids that match as a whole; undefined when the pattern is none, or takes too long. */
export function matchingIds(pattern: string, ids: readonly string[]): readonly string[] | undefined {
  try {
    return filter.runInContext(createContext({ pattern, ids }), { timeout: TIME_MS_MAX }) as readonly string[]
  } catch {
    return undefined
  }
}
