/**
 * How V8 collects garbage in a broker. Nearly all of a broker's memory is bytes outside the JavaScript heap, and V8 by default marks that whole heap anew for
 * every few dozen megabytes of them, though it is small and hardly changes. Weighed with the heap they ask for a third as many collections.
 */
import { setFlagsFromString } from 'node:v8'

/** V8 says on stderr that it does not know a flag, so only those are asked that do. */
const NODE_SINCE = 26

export function setCollectorFlags(): void {
  const [major] = process.versions.node.split('.')
  if (Number(major) >= NODE_SINCE) setFlagsFromString('--external-memory-accounted-in-global-limit')
}
