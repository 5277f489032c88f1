/**
 * How V8 collects garbage in a broker. Nearly all of a broker's memory is bytes outside the JavaScript heap, and V8 by default marks that whole heap anew for
 * every few dozen megabytes of them, though it is small and hardly changes. Weighed with the heap they ask for a third as many collections.
 *
 * What a request leaves behind dies young, so the young generation need not grow under load to the tens of megabytes that V8 gives it, and hardly ever back:
 * it stays as large as the start made it, for no more CPU and forty megabytes less.
 */
import { setFlagsFromString } from 'node:v8'

/** V8 says on stderr that it does not know a flag, so only those are asked that do. */
const NODE_SINCE = 26

export function setCollectorFlags(): void {
  const [major] = process.versions.node.split('.')
  if (Number(major) < NODE_SINCE) return
  setFlagsFromString('--external-memory-accounted-in-global-limit')
  setFlagsFromString('--semi-space-growth-factor=1')
}
