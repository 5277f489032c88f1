/** By what means bugs are planted: a log engine, a journal that does one thing other than it should. */
import type { Random } from '@millrace/base'
import type { LogEngine, MaybePromise, PartitionLog, StorageEngine } from '@millrace/storage'
import type { BugTools, PlantedBug } from './planted-bug.ts'
import type { JournalEntry } from './simulated-catalog.ts'

/** What these bugs reach for inside a log of the disk engine. */
export interface OpenedLog extends PartitionLog {
  readonly logEndOffset: number
  highWatermark: number
  readonly producers: { clear(): void; get(producerId: number): { readonly producerEpoch: number } | undefined }
}

export const inside = (partition: PartitionLog): OpenedLog => partition as OpenedLog

export function logsBug(
  name: string,
  found: PlantedBug['found'],
  spoil: (logs: LogEngine, tools: BugTools) => Partial<LogEngine>,
): PlantedBug {
  return {
    name,
    found,
    engine: (engine, tools): StorageEngine => {
      const spoiled = over(engine.logs, spoil(engine.logs, tools))
      return {
        catalog: engine.catalog,
        logs: spoiled,
        close: () => engine.close(),
        [Symbol.asyncDispose]: () => engine.close(),
      }
    },
  }
}

/** The same engine, but for what is spoiled. */
const over = (logs: LogEngine, spoiled: Partial<LogEngine>): LogEngine =>
  new Proxy(logs, {
    get(target, name) {
      const own: unknown = Reflect.get(spoiled, name)
      if (own !== undefined) return own
      const value: unknown = Reflect.get(target, name)
      return typeof value === 'function' ? value.bind(target) : value
    },
  })

export function journalBug(
  name: string,
  found: PlantedBug['found'],
  written: (entry: JournalEntry, random: Random) => JournalEntry | undefined,
): PlantedBug {
  return {
    name,
    found,
    journal: ({ random }) => ({
      written: entries => entries.flatMap(entry => written(entry, random) ?? []),
    }),
  }
}

export const under = (mischief: NonNullable<PlantedBug['mischief']>, bug: PlantedBug): PlantedBug => ({
  ...bug,
  mischief,
})

export const rarely = (random: Random, perMille: number): boolean => random.integer(1000) < perMille

export async function changed<T>(
  outcomes: MaybePromise<readonly T[]>,
  change: (outcome: T, i: number) => T,
): Promise<readonly T[]> {
  return (await outcomes).map(change)
}
