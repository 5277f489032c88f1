/** Takes measures in turn, A B A B, so that what changes on the machine meanwhile meets both sides. */
import { KINDS, type Kind } from '../../test/interop/broker.ts'
import { Missing, type OwnMeasure, type SharedMeasure, type SidesMeasure, type Values, withBroker } from './measure.ts'
import { type MeasureResult, machine, versions } from './results.ts'

export type AnyMeasure = SharedMeasure | OwnMeasure | SidesMeasure

export interface Options {
  readonly rounds: number
  readonly isQuick: boolean
  readonly onProgress: (line: string) => void
}

/** Gathers the values of one measure; a failure is a note, and the others go on. */
class Gathered {
  readonly #measure: AnyMeasure
  readonly #options: Options
  readonly #values = new Map<string, Values[]>()
  readonly #notes = new Set<string>()

  constructor(measure: AnyMeasure, options: Options) {
    this.#measure = measure
    this.#options = options
    for (const side of 'sides' in measure ? measure.sides : KINDS) this.#values.set(side, [])
  }

  add(side: string, values: Values): void {
    this.#values.get(side)!.push(values)
    const { name, figures } = this.#measure
    const said = Object.entries(values).map(([what, n]) => `${what} ${n.toPrecision(4)} ${figures[what]?.unit}`)
    this.#options.onProgress(`${name} ${side}: ${said.join(', ')}`)
  }

  readonly note = (text: string): void => {
    if (!this.#notes.has(text)) this.#options.onProgress(`${this.#measure.name}: ${text}`)
    this.#notes.add(text)
  }

  async attempt(what: string, take: () => Promise<void>): Promise<void> {
    try {
      await take()
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error)
      this.note(error instanceof Missing ? reason : `${what}: ${reason}`)
    }
  }

  result(): MeasureResult {
    const { name, group, figures } = this.#measure
    return {
      measure: name,
      group,
      date: new Date().toISOString(),
      rounds: this.#options.rounds,
      machine: machine(),
      versions: versions(),
      figures: Object.entries(figures).map(([figure, { unit, goal, since }]) => ({
        name: figure,
        unit,
        ...(goal && { goal }),
        ...(since !== undefined && { since }),
        sides: Object.fromEntries(
          [...this.#values].map(([side, rounds]) => [side, rounds.flatMap(values => values[figure] ?? [])]),
        ),
      })),
      notes: [...this.#notes],
    }
  }
}

/** Measures of one session, or one measure. */
export function sessionsOf(measures: readonly AnyMeasure[]): AnyMeasure[][] {
  return [...Map.groupBy(measures, m => ('session' in m ? `session ${m.session}` : m.name)).values()]
}

export async function takeSession(measures: readonly AnyMeasure[], options: Options): Promise<MeasureResult[]> {
  const gathered = new Map(measures.map(measure => [measure, new Gathered(measure, options)]))
  for (let round = 0; round < options.rounds; round++) {
    const shared = measures.filter(m => 'session' in m)
    if (shared.length > 0) for (const kind of KINDS) await sharedRound(kind, shared, gathered, options)
    for (const measure of measures) {
      const own = gathered.get(measure)!
      if ('of' in measure)
        for (const kind of KINDS)
          await own.attempt(kind, async () => own.add(kind, await measure.of(kind, options.isQuick)))
      if ('round' in measure)
        await own.attempt('round', async () => {
          for (const [side, values] of Object.entries(await measure.round(options.isQuick, own.note)))
            own.add(side, values)
        })
    }
  }
  return [...gathered.values()].map(own => own.result())
}

async function sharedRound(
  kind: Kind,
  measures: readonly SharedMeasure[],
  gathered: ReadonlyMap<AnyMeasure, Gathered>,
  options: Options,
): Promise<void> {
  const use = () =>
    withBroker(kind, async broker => {
      for (const measure of measures) {
        const own = gathered.get(measure)!
        await own.attempt(kind, async () => own.add(kind, await measure.on(broker, options.isQuick)))
      }
    })
  await gathered.get(measures[0]!)!.attempt(kind, use)
}
