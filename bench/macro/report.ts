/** Writes the tables of docs/performance.md from the results that were kept; what stands outside of the marked parts is written by hand. */
import { readFileSync, writeFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { type MeasureResult, PROFILE_GROUP, readResults } from './results.ts'
import { tables } from './table.ts'

const page = resolve(import.meta.dirname, '../../docs/performance.md')

/** A marked part of the page, and the groups of measures in it with their titles. */
interface Part {
  readonly mark: string
  readonly titles: Readonly<Record<string, string>>
}

const parts: readonly Part[] = [
  {
    mark: 'figures',
    titles: {
      'exactly-once': 'Exactly once and durability',
      compaction: 'Compaction',
      speed: 'Speed and size',
      cores: 'More than one core',
    },
  },
  { mark: 'costs', titles: { costs: '' } },
  { mark: 'profile', titles: { [PROFILE_GROUP]: '' } },
]

/** Measures come in the order of `names`. */
export function writeReport(file: string, names: readonly string[]): void {
  const results = readResults(file).sort((a, b) => names.indexOf(a.measure) - names.indexOf(b.measure))
  writeFileSync(
    page,
    parts.reduce((text, part) => replaced(text, part, results), readFileSync(page, 'utf8')),
  )
}

function replaced(text: string, { mark, titles }: Part, results: readonly MeasureResult[]): string {
  const open = `<!-- ${mark}: made by \`npm run bench -- --report\`, not by hand -->`
  const begin = text.indexOf(open)
  const end = text.indexOf(`<!-- /${mark} -->`)
  if (begin < 0 || end < begin) throw new Error(`${page} has no part that is marked for ${mark}`)
  const made = Object.entries(titles).flatMap(([group, title]) => {
    const own = results.filter(result => result.group === group)
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
