/** Histories as text: one line of JSON for each, in the order in which they happened. */
import { HISTORY_VERSION, type HistoryLine } from './event.ts'

export const formatLine = (line: HistoryLine): string => `${JSON.stringify(line)}\n`

/**
 * Several files of one run become one history: lines are put in the order of their times, and those of one file and one time stay in theirs. A last line that
 * is cut off, as a killed writer leaves it, is left out; any other that is no JSON is an error.
 */
export function mergeHistories(texts: readonly string[]): HistoryLine[] {
  const lines = texts.flatMap(text => parseHistory(text))
  lines.sort((a, b) => a.at - b.at)
  const run = lines.find(line => line.kind === 'run')
  if (run === undefined) throw new Error('the history has no line that says of which run it is')
  if (run.version !== HISTORY_VERSION) throw new Error(`a history of version ${run.version}, not ${HISTORY_VERSION}`)
  return lines
}

function parseHistory(text: string): HistoryLine[] {
  const rows = text.split('\n')
  // Behind the last line feed is nothing, or what a killed writer did not finish.
  rows.pop()
  return rows.filter(row => row !== '').map(row => JSON.parse(row) as HistoryLine)
}
