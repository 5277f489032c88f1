/**
 * What one of each thing costs, from what whole requests cost: cost = Σ count × price. Prices are not negative, and a request that costs little weighs as much
 * as one that costs a lot: what is least is the sum of the squares of the errors in percent.
 */

/** How many of each thing a request has. */
export type Counts = Readonly<Record<string, number>>

export interface Priced {
  readonly prices: Readonly<Record<string, number>>
  /** The largest error of the model, as a part of what was measured. */
  readonly off: number
}

const STEPS_MAX = 20_000

export function priced(requests: readonly { readonly counts: Counts; readonly cost: number }[]): Priced {
  const things = [...new Set(requests.flatMap(({ counts }) => Object.keys(counts)))]
  // in parts of the cost, so that every request should come to 1
  const rows = requests.map(({ counts, cost }) => things.map(thing => (counts[thing] ?? 0) / cost))
  const prices = things.map(() => 0)
  const errorOf = (row: readonly number[]): number => 1 - row.reduce((sum, x, i) => sum + x * prices[i]!, 0)
  for (let step = 0; step < STEPS_MAX; step++) {
    const i = step % things.length
    const squares = rows.reduce((sum, row) => sum + row[i]! ** 2, 0)
    const slope = rows.reduce((sum, row) => sum + row[i]! * errorOf(row), 0)
    if (squares > 0) prices[i] = Math.max(0, prices[i]! + slope / squares)
  }
  return {
    prices: Object.fromEntries(things.map((thing, i) => [thing, prices[i]!])),
    off: Math.max(...rows.map(row => Math.abs(errorOf(row)))),
  }
}
