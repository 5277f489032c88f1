import type { MaybePromise } from '@millrace/storage'

/** Small enough that other requests wait a few milliseconds at the most. */
const SLICE = 500

/**
 * Maps a list whose length a client chose. Long lists go slice by slice, with everyone else's turn between two slices, so that one request for a hundred thousand
 * partitions does not hold up the broker. Within a slice the work runs side by side; the results are in the order of the items.
 */
export async function mapInTurns<T, R>(items: readonly T[], map: (item: T) => MaybePromise<R>): Promise<R[]> {
  if (items.length <= SLICE) return Promise.all(items.map(map))
  const results: R[] = []
  for (let at = 0; at < items.length; at += SLICE) {
    if (at > 0) await new Promise<void>(resolve => setImmediate(resolve))
    for (const result of await Promise.all(items.slice(at, at + SLICE).map(map))) results.push(result)
  }
  return results
}
