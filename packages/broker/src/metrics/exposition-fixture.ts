/** A strict reader of the Prometheus text format, for tests: whatever it does not know is an error. */
export interface ParsedMetric {
  readonly type: string
  readonly help: string
  readonly samples: {
    readonly name: string
    readonly labels: Readonly<Record<string, string>>
    readonly value: number
  }[]
}

const NAME = /^[a-zA-Z_:][a-zA-Z0-9_:]*$/
const LABEL_NAME = /^[a-zA-Z_][a-zA-Z0-9_]*$/
const VALUE = /^(?:[+-]?\d+(?:\.\d+)?(?:e[+-]?\d+)?|NaN|[+-]Inf)$/
const SUFFIXES = ['_bucket', '_sum', '_count']

/** Throws for anything that the format does not allow, and for a metric that is not in one piece. */
export function parseExposition(text: string): Map<string, ParsedMetric> {
  if (!text.endsWith('\n')) throw new Error('the last line has no end')
  const metrics = new Map<string, ParsedMetric>()
  const seen = new Set<string>()
  let current: { name: string; metric: ParsedMetric } | undefined
  let help: { name: string; text: string } | undefined
  for (const line of text.slice(0, -1).split('\n')) {
    const [, kind, name = '', rest = ''] = /^# (HELP|TYPE) (\S+) (.*)$/.exec(line) ?? []
    if (kind === 'HELP') {
      if (!NAME.test(name) || metrics.has(name) || help !== undefined) throw new Error(`misplaced: ${line}`)
      help = { name, text: rest }
    } else if (kind === 'TYPE') {
      if (help?.name !== name || !['counter', 'gauge', 'histogram'].includes(rest))
        throw new Error(`misplaced: ${line}`)
      current = { name, metric: { type: rest, help: help.text, samples: [] } }
      metrics.set(name, current.metric)
      help = undefined
    } else {
      if (current === undefined || help !== undefined) throw new Error(`a sample without HELP and TYPE: ${line}`)
      const sample = parseSample(line)
      const own = current.metric.type === 'histogram' ? SUFFIXES.map(s => current?.name + s) : [current.name]
      if (!own.includes(sample.name)) throw new Error(`not of ${current.name}: ${line}`)
      const series = line.slice(0, line.lastIndexOf(' '))
      if (seen.has(series)) throw new Error(`twice: ${series}`)
      seen.add(series)
      current.metric.samples.push(sample)
    }
  }
  if (help !== undefined) throw new Error(`HELP without TYPE: ${help.name}`)
  return metrics
}

function parseSample(line: string): ParsedMetric['samples'][number] {
  const [, name = '', , inner = '', value = ''] = /^([^\s{]+)(\{(.*)\})? (\S+)$/s.exec(line) ?? []
  if (!NAME.test(name) || !VALUE.test(value)) throw new Error(`not a sample: ${line}`)
  const number =
    value === '+Inf' ? Number.POSITIVE_INFINITY : value === '-Inf' ? Number.NEGATIVE_INFINITY : Number(value)
  return { name, labels: parseLabels(inner, line), value: number }
}

function parseLabels(text: string, line: string): Record<string, string> {
  const labels: Record<string, string> = {}
  const pair = /([^=,]+)="((?:[^"\\\n]|\\\\|\\"|\\n)*)"(,|$)/y
  while (pair.lastIndex < text.length) {
    const [, name = '', escaped = ''] = pair.exec(text) ?? []
    if (!LABEL_NAME.test(name) || name in labels) throw new Error(`bad labels: ${line}`)
    labels[name] = escaped.replace(/\\(.)/g, (_, c: string) => (c === 'n' ? '\n' : c))
  }
  if (text.endsWith(',')) throw new Error(`bad labels: ${line}`)
  return labels
}
