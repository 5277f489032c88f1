/** Tables for people: columns as wide as their widest cell, numbers to the right, nothing trailing. */
import { styleText } from 'node:util'

export interface Column<Row> {
  readonly title: string
  readonly cell: (row: Row) => string | number | null | undefined
  /** Default: right for numbers. */
  readonly align?: 'left' | 'right'
}

const GAP = '  '
const NOTHING = '-'

export function renderTable<Row>(columns: readonly Column<Row>[], rows: readonly Row[], colour = false): string {
  const cells = rows.map(row => columns.map(({ cell }) => cell(row)))
  const texts = cells.map(row => row.map(cellText))
  const widths = columns.map(({ title }, c) => Math.max(widthOf(title), ...texts.map(row => widthOf(row[c]!))))
  const isRight = columns.map(
    ({ align }, c) => (align ?? (isNumbers(cells.map(row => row[c])) ? 'right' : 'left')) === 'right',
  )
  const line = (row: readonly string[]): string =>
    row
      .map((text, c) => {
        const padding = ' '.repeat(widths[c]! - widthOf(text))
        return isRight[c] ? padding + text : text + padding
      })
      .join(GAP)
      .trimEnd()
  const heading = line(columns.map(({ title }) => title.toUpperCase()))
  return [colour ? styleText('bold', heading, { validateStream: false }) : heading, ...texts.map(line)]
    .map(text => `${text}\n`)
    .join('')
}

/** Two columns without heading: what a single thing is. */
export function renderFields(
  fields: readonly (readonly [name: string, value: string | number | null | undefined])[],
): string {
  const width = Math.max(0, ...fields.map(([name]) => widthOf(name)))
  return fields.map(([name, value]) => `${name}${' '.repeat(width - widthOf(name))}${GAP}${cellText(value)}\n`).join('')
}

const isNumbers = (cells: readonly unknown[]): boolean =>
  cells.some(cell => typeof cell === 'number') && cells.every(cell => typeof cell === 'number' || cell == null)

/** A cell stays on its line and says nothing to the terminal: names and metadata come from strangers. */
function cellText(cell: string | number | null | undefined): string {
  if (cell === null || cell === undefined || cell === '') return NOTHING
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is meant
  return String(cell).replace(/[\u0000-\u001f\u007f-\u009f]/g, '·')
}

/** In code points; good enough for names. */
const widthOf = (text: string): number => [...text].length
