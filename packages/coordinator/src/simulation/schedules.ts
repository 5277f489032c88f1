import type { PlantedBug } from './planted-bug.ts'

interface Schedule<StepFunction> {
  readonly seed: number
  readonly actions: number
  readonly step?: StepFunction
}

/** Runs one state machine's simulation under many schedules. */
export class Schedules<StepFunction> {
  readonly #simulate: (schedule: Schedule<StepFunction>) => readonly string[]
  readonly #seeds: number
  readonly #actions: number

  constructor(
    simulate: (schedule: Schedule<StepFunction>) => readonly string[],
    { seeds, actions }: { readonly seeds: number; readonly actions: number },
  ) {
    this.#simulate = simulate
    this.#seeds = seeds
    this.#actions = actions
  }

  log(seed: number, step?: StepFunction): readonly string[] {
    const schedule = { seed, actions: this.#actions }
    return this.#simulate(step === undefined ? schedule : { ...schedule, step })
  }

  /** All that happened, as `event state`. Throws at the first schedule in which an invariant breaks, and names its seed. */
  run(): ReadonlySet<string> {
    const seen = new Set<string>()
    for (let seed = 1; seed <= this.#seeds; seed++)
      try {
        for (const line of this.log(seed)) seen.add(line.split(' ').slice(1, 3).join(' '))
      } catch (cause) {
        throw new Error(`seed ${seed}: ${messageOf(cause)}`, { cause })
      }
    return seen
  }

  /** What the first schedule that meets the bug says of it; undefined if none does. */
  find(bug: PlantedBug<StepFunction>): string | undefined {
    for (let seed = 1; seed <= this.#seeds; seed++)
      try {
        this.log(seed, bug.step)
      } catch (error) {
        return messageOf(error)
      }
    return undefined
  }
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error))
