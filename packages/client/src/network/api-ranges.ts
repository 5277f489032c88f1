import type { Api } from '@millrace/protocol'
import { KafkaError } from '../errors.ts'

type Range = readonly [min: number, max: number]

/** What one broker speaks, as it said when the connection was made. */
export class ApiRanges {
  readonly #ranges = new Map<number, Range>()
  readonly #features: ReadonlyMap<string, number>
  readonly #broker: string

  constructor(
    broker: string,
    keys: readonly { apiKey: number; minVersion: number; maxVersion: number }[],
    features: readonly { name: string; maxVersionLevel: number }[] = [],
  ) {
    this.#broker = broker
    this.#features = new Map(features.map(({ name, maxVersionLevel }) => [name, maxVersionLevel]))
    for (const { apiKey, minVersion, maxVersion } of keys) this.#ranges.set(apiKey, [minVersion, maxVersion])
  }

  get(apiKey: number): Range | undefined {
    return this.#ranges.get(apiKey)
  }

  entries(): IterableIterator<[number, Range]> {
    return this.#ranges.entries()
  }

  /** The finalised level of a feature of the cluster; 0 if it has none. */
  feature(name: string): number {
    return this.#features.get(name) ?? 0
  }

  /** The highest version that both sides have, at most `versionMax`. Throws `UNSUPPORTED_VERSION`. */
  pick(api: Api<unknown, unknown, unknown, unknown>, versionMax = Number.MAX_SAFE_INTEGER): number {
    const range = this.#ranges.get(api.key)
    if (range === undefined)
      throw new KafkaError('UNSUPPORTED_VERSION', `the broker at ${this.#broker} does not serve ${api.name}`)
    const version = Math.min(range[1], api.versions[1], versionMax)
    if (version < range[0] || version < api.versions[0])
      throw new KafkaError(
        'UNSUPPORTED_VERSION',
        `no common version of ${api.name}: the broker at ${this.#broker} has ${range.join(' to ')}, this client ${api.versions[0]} to ${Math.min(api.versions[1], versionMax)}`,
      )
    return version
  }
}
