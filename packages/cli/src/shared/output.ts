/**
 * Where commands write. stdout carries results alone, so that it can be piped; stderr carries everything that is said about them. When the reader of
 * stdout has gone (`| head`), `closed` aborts and the command ends quietly.
 */
import { styleText } from 'node:util'
import { type Column, renderFields, renderTable } from './table.ts'

export type OutputForm = 'table' | 'json'

export class Output {
  readonly form: OutputForm
  readonly quiet: boolean
  readonly #closed = new AbortController()

  constructor(form: OutputForm, quiet: boolean) {
    this.form = form
    this.quiet = quiet
    process.stdout.on('error', () => this.#closed.abort())
  }

  get closed(): AbortSignal {
    return this.#closed.signal
  }

  get isTerminal(): boolean {
    return process.stdout.isTTY === true
  }

  /** For what is short. */
  print(text: string): void {
    if (!this.closed.aborted) process.stdout.write(text)
  }

  /** For what may be long: resolves when there is room for more. */
  write(chunk: string | Uint8Array): Promise<void> | undefined {
    if (this.closed.aborted || process.stdout.write(chunk)) return undefined
    return new Promise(resolve => {
      const done = (): void => {
        process.stdout.off('drain', done)
        this.closed.removeEventListener('abort', done)
        resolve()
      }
      process.stdout.once('drain', done)
      this.closed.addEventListener('abort', done)
    })
  }

  table<Row>(columns: readonly Column<Row>[], rows: readonly Row[]): void {
    this.print(renderTable(columns, rows, this.isTerminal && process.env.NO_COLOR === undefined))
  }

  fields(fields: readonly (readonly [name: string, value: string | number | null | undefined])[]): void {
    this.print(renderFields(fields))
  }

  json(document: unknown): void {
    this.print(`${JSON.stringify(document, undefined, this.isTerminal ? 2 : undefined)}\n`)
  }

  /** One document in JSON, or whatever `show` makes of it for people. */
  result<T>(document: T, show: (document: T) => void): void {
    if (this.form === 'json') this.json(document)
    else show(document)
  }

  /** What was done, for people; quiet leaves it out, and so does JSON, where stdout is the answer. */
  note(text: string): void {
    if (!this.quiet) process.stderr.write(`${text}\n`)
  }

  warn(text: string): void {
    const name = process.stderr.isTTY ? styleText('yellow', 'warning', { stream: process.stderr }) : 'warning'
    process.stderr.write(`${name}: ${text}\n`)
  }
}
