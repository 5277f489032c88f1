/** Finalised features (KIP-584): which of the protocols that this broker knows its clients are to use. Built from the catalog and its changes alone. */
import type { CatalogChange, StoredFeatures } from '@millrace/storage'

export interface SupportedFeature {
  readonly name: string
  readonly minVersion: number
  readonly maxVersion: number
}

export interface FinalizedFeature {
  readonly name: string
  readonly level: number
}

export const TRANSACTION_VERSION = 'transaction.version'

/** Kafka 4.4's stable range (3.3-IV3 to 4.3-IV0). What else Kafka calls a feature is an API here or is not: clients see it in the list of APIs. */
export const METADATA_VERSION: SupportedFeature = { name: 'metadata.version', minVersion: 7, maxVersion: 30 }

export const supportedFeatures: readonly SupportedFeature[] = [
  METADATA_VERSION,
  { name: TRANSACTION_VERSION, minVersion: 0, maxVersion: 2 },
]

export class Features {
  readonly #levels = new Map<string, number>()
  #epoch = 0

  load({ levels, epoch }: StoredFeatures): void {
    for (const { name, level } of levels) this.#levels.set(name, level)
    this.#epoch = epoch
  }

  apply(changes: readonly CatalogChange[]): void {
    for (const change of changes) {
      if (change.kind !== 'setFeature') continue
      this.#levels.set(change.name, change.level)
      this.#epoch++
    }
  }

  /** Grows with every change; clients believe the highest that they saw. */
  get epoch(): number {
    return this.#epoch
  }

  /** A feature at level 0 is not among them. */
  get finalized(): readonly FinalizedFeature[] {
    return supportedFeatures.map(({ name }) => ({ name, level: this.levelOf(name) })).filter(({ level }) => level > 0)
  }

  levelOf(name: string): number {
    return name === METADATA_VERSION.name ? METADATA_VERSION.maxVersion : (this.#levels.get(name) ?? 0)
  }

  /** By which protocol transactions run that no request belongs to. */
  get transactionVersion(): 0 | 1 | 2 {
    const level = this.levelOf(TRANSACTION_VERSION)
    return level >= 2 ? 2 : level === 1 ? 1 : 0
  }
}
