import type { ReadBudget } from '../engine.ts'

/** One byte budget over several partitions in the order of the request (KIP-74). */
export class BudgetMeter {
  #remaining: number
  #owesOneBatch: boolean

  constructor(budget: ReadBudget) {
    this.#remaining = budget.maxBytes
    this.#owesOneBatch = budget.atLeastOneBatch
  }

  /** What the next partition may give. `evenIfTooLarge`: its first batch counts even when it alone is over the limit. */
  allowance(maxBytes: number): Allowance {
    return { maxBytes: Math.max(0, Math.min(maxBytes, this.#remaining)), evenIfTooLarge: this.#owesOneBatch }
  }

  spend(bytes: number): void {
    this.#remaining -= bytes
    if (bytes > 0) this.#owesOneBatch = false
  }
}

export interface Allowance {
  readonly maxBytes: number
  readonly evenIfTooLarge: boolean
}

export const allowsNothing = (allowance: Allowance): boolean => allowance.maxBytes <= 0 && !allowance.evenIfTooLarge
