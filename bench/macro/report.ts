/** Writes the tables of docs/performance.md and of the README from the results that were kept; what stands outside of the marked parts is written by hand. */
import { readFileSync, writeFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { type MeasureResult, PROFILE_GROUP, readResults } from './results.ts'
import { tables } from './table.ts'

const page = (path: string): string => resolve(import.meta.dirname, '../..', path)
const performance = page('docs/performance.md')

/** A marked part of a page, and the groups of measures in it with their titles. */
interface Part {
  readonly page: string
  readonly mark: string
  readonly titles: Readonly<Record<string, string>>
  /** The measures that are shown, by name; without it all. */
  readonly only?: readonly string[]
}

const parts: readonly Part[] = [
  {
    page: performance,
    mark: 'figures',
    titles: {
      'exactly-once': 'Exactly once and durability',
      compaction: 'Compaction',
      speed: 'Speed and size',
      cores: 'More than one core',
    },
  },
  { page: performance, mark: 'costs', titles: { costs: '' } },
  { page: performance, mark: 'profile', titles: { [PROFILE_GROUP]: '' } },
  {
    page: page('README.md'),
    mark: 'figures',
    titles: { speed: '' },
    only: [
      'raw-produce-small',
      'raw-produce-1000',
      'raw-produce-100',
      'raw-fetch',
      'latency-20000',
      'idle-groups',
      'rebalance',
      'partitions-10000',
      'memory',
      'start',
    ],
  },
]

/** Measures come in the order of `names`. */
export function writeReport(file: string, names: readonly string[]): void {
  const results = readResults(file).sort((a, b) => names.indexOf(a.measure) - names.indexOf(b.measure))
  for (const part of parts) writeFileSync(part.page, replaced(readFileSync(part.page, 'utf8'), part, results))
}

function replaced(text: string, { page, mark, titles, only }: Part, results: readonly MeasureResult[]): string {
  const open = `<!-- ${mark}: made by \`npm run bench -- --report\`, not by hand -->`
  const begin = text.indexOf(open)
  const end = text.indexOf(`<!-- /${mark} -->`)
  if (begin < 0 || end < begin) throw new Error(`${page} has no part that is marked for ${mark}`)
  const made = Object.entries(titles).flatMap(([group, title]) => {
    const own = results.filter(result => result.group === group && (only?.includes(result.measure) ?? true))
    return own.length === 0 ? [] : [`${title && `### ${title}\n\n`}${report(own)}`]
  })
  const inside = made.length === 0 ? 'Nothing was measured yet.' : made.join('\n\n')
  return `${text.slice(0, begin + open.length)}\n\n${inside}\n\n${text.slice(end)}`
}

function report(results: readonly MeasureResult[]): string {
  return `${sources(results)}\n\n${tables(results)}${notesOf(results)}`
}

/** Which run the figures are of; several where measures were taken at different times. */
function sources(results: readonly MeasureResult[]): string {
  const runs = Map.groupBy(results, source)
  const isOne = runs.size === 1
  const lines = [...runs].map(([run, own]) =>
    isOne ? run : `- ${run} (${own.map(({ measure }) => measure).join(', ')})`,
  )
  return lines.join('\n')
}

function source({ date, rounds, machine, versions, group }: MeasureResult): string {
  const { millrace, kafka, node, java } = versions
  const ours = `${date.slice(0, 10)}, ${rounds} round${rounds === 1 ? '' : 's'}, ${machine}. Millrace ${millrace} on Node ${node}`
  return group === PROFILE_GROUP ? `${ours}.` : `${ours}, Apache Kafka ${kafka} on ${java}, heap of 1 GB.`
}

function notesOf(results: readonly MeasureResult[]): string {
  const notes = results.flatMap(({ measure, notes }) => notes.map(note => `- ${measure}: ${note}`))
  return notes.length === 0 ? '' : `\n\n${notes.join('\n')}`
}
