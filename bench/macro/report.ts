/** Writes the tables of docs/performance.md from the results that were kept; what stands outside of the marked part is written by hand. */
import { readFileSync, writeFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { type MeasureResult, readResults } from './results.ts'
import { tables } from './table.ts'

const page = resolve(import.meta.dirname, '../../docs/performance.md')
const BEGIN = '<!-- figures: made by `npm run bench -- --report`, not by hand -->'
const END = '<!-- /figures -->'

const titles: Readonly<Record<string, string>> = {
  'exactly-once': 'Exactly once and durability',
  compaction: 'Compaction',
  speed: 'Speed and size',
}

export function writeReport(file: string): void {
  const text = readFileSync(page, 'utf8')
  const begin = text.indexOf(BEGIN)
  const end = text.indexOf(END)
  if (begin < 0 || end < begin) throw new Error(`${page} has no marked part for figures`)
  const made = report(readResults(file))
  writeFileSync(page, `${text.slice(0, begin + BEGIN.length)}\n\n${made}\n\n${text.slice(end)}`)
}

export function report(results: readonly MeasureResult[]): string {
  const groups = [...Map.groupBy(results, ({ group }) => group)]
  const parts = groups.map(
    ([group, own]) => `### ${titles[group] ?? group}\n\n${sources(own)}\n\n${tables(own)}${notesOf(own)}`,
  )
  return parts.join('\n\n')
}

/** Which run the figures are of; several where measures were taken at different times. */
function sources(results: readonly MeasureResult[]): string {
  const runs = Map.groupBy(results, ({ date, rounds, machine, versions }) => {
    const { millrace, kafka, node, java } = versions
    return `${date.slice(0, 10)}, ${rounds} rounds, ${machine}. Millrace ${millrace} on Node ${node}, Apache Kafka ${kafka} on ${java}, heap of 1 GB.`
  })
  const isOne = runs.size === 1
  const lines = [...runs].map(([run, own]) =>
    isOne ? run : `- ${run} (${own.map(({ measure }) => measure).join(', ')})`,
  )
  return lines.join('\n')
}

function notesOf(results: readonly MeasureResult[]): string {
  const notes = results.flatMap(({ measure, notes }) => notes.map(note => `- ${measure}: ${note}`))
  return notes.length === 0 ? '' : `\n\n${notes.join('\n')}`
}
