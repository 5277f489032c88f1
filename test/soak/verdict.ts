/** What held and what did not, said as it comes up. */
const PROBLEMS_SAID_MAX = 20

export class Verdict {
  passedCount = 0
  readonly failures: string[] = []
  readonly #began = performance.now()

  say(text: string): void {
    console.log(`${((performance.now() - this.#began) / 1000).toFixed(1).padStart(7)} s  ${text}`)
  }

  expect(what: string, problems: readonly string[]): void {
    for (const problem of problems.slice(0, PROBLEMS_SAID_MAX)) this.say(`not ok  ${what}: ${problem}`)
    if (problems.length > PROBLEMS_SAID_MAX)
      this.say(`not ok  ${what}: and ${problems.length - PROBLEMS_SAID_MAX} more`)
    if (problems.length > 0) {
      this.failures.push(what)
      return
    }
    this.passedCount++
    this.say(`ok  ${what}`)
  }
}
