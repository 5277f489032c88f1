/** The Prometheus text format, version 0.0.4: for each metric HELP, TYPE and its samples in one piece. */
import type { Histogram } from './histogram.ts'
import { type MetricName, metricTable } from './metric-table.ts'

export const CONTENT_TYPE = 'text/plain; version=0.0.4; charset=utf-8'

export type Labels = Readonly<Record<string, string>>
const NO_LABELS: Labels = {}

export class Exposition {
  readonly #lines: string[] = []
  #name: MetricName | undefined

  /** Begins a metric: the samples that follow are its. */
  metric(name: MetricName): this {
    const { type, help } = metricTable[name]
    this.#name = name
    this.#lines.push(`# HELP ${name} ${escapeHelp(help)}`, `# TYPE ${name} ${type}`)
    return this
  }

  sample(value: number, labels: Labels = NO_LABELS): this {
    this.#line(this.#name!, labels, value)
    return this
  }

  histogram(histogram: Histogram, labels: Labels): this {
    const name = this.#name!
    let count = 0
    for (const [i, bound] of histogram.bounds.entries()) {
      count += histogram.counts[i]!
      this.#line(`${name}_bucket`, { ...labels, le: numberText(bound) }, count)
    }
    count += histogram.counts[histogram.bounds.length]!
    this.#line(`${name}_bucket`, { ...labels, le: '+Inf' }, count)
    this.#line(`${name}_sum`, labels, histogram.sum)
    this.#line(`${name}_count`, labels, count)
    return this
  }

  text(): string {
    return `${this.#lines.join('\n')}\n`
  }

  #line(name: string, labels: Labels, value: number): void {
    const pairs = Object.entries(labels).map(([label, text]) => `${label}="${escapeLabel(text)}"`)
    this.#lines.push(`${name}${pairs.length === 0 ? '' : `{${pairs.join(',')}}`} ${numberText(value)}`)
  }
}

function numberText(value: number): string {
  if (Number.isNaN(value)) return 'NaN'
  return Number.isFinite(value) ? String(value) : value > 0 ? '+Inf' : '-Inf'
}

const escapeHelp = (text: string): string => text.replace(/\\/g, '\\\\').replace(/\n/g, '\\n')
const escapeLabel = (text: string): string => escapeHelp(text).replace(/"/g, '\\"')
