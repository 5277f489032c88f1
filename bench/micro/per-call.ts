/** The cost of one call, the best of several rounds: what the code can do when nothing disturbs it. */
const ROUNDS = 15
const ROUND_MS = 20

/** Keeps results alive, so that no call is compiled away. */
let kept: unknown

/** Microseconds a call. */
export function bestOf(run: () => unknown): number {
  let best = Number.POSITIVE_INFINITY
  for (let round = 0; round < ROUNDS; round++) {
    let calls = 0
    const start = performance.now()
    let spent = 0
    do {
      for (let i = 0; i < 8; i++) kept = run()
      calls += 8
      spent = performance.now() - start
    } while (spent < ROUND_MS)
    best = Math.min(best, spent / calls)
  }
  if (kept === Symbol.iterator) throw new Error('unreachable: keeps the result alive')
  return best * 1e3
}

/** Prints the cost of a call, and of each of the `count` things that it does. */
export function measureCount(name: string, count: number, run: () => unknown): void {
  const us = bestOf(run)
  console.log(
    `${name.padEnd(52)} ${us.toFixed(2).padStart(10)} µs ${((us * 1e3) / count).toFixed(0).padStart(8)} ns each`,
  )
}

/** Prints the cost of a call over `size` bytes, and what that is in MB/s. */
export function measureBytes(name: string, size: number, run: () => unknown): void {
  const us = bestOf(run)
  console.log(`${name.padEnd(44)} ${us.toFixed(2).padStart(10)} µs ${(size / us).toFixed(0).padStart(8)} MB/s`)
}

export const heading = `node ${process.version}, best of ${ROUNDS} rounds\n`
