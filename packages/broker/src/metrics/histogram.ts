/** Counts of values by fixed upper bounds, as Prometheus has them. Adding one allocates nothing. */
export class Histogram {
  readonly bounds: readonly number[]
  /** One more than bounds: the last is for all that lies above them. */
  readonly counts: Float64Array
  sum = 0

  constructor(bounds: readonly number[]) {
    this.bounds = bounds
    this.counts = new Float64Array(bounds.length + 1)
  }

  add(value: number): void {
    let i = 0
    while (i < this.bounds.length && value > this.bounds[i]!) i++
    this.counts[i]!++
    this.sum += value
  }
}
