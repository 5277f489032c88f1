import { fstatSync, writeSync } from 'node:fs'
import { isatty } from 'node:tty'

export type LogLevel = 'debug' | 'info' | 'warn' | 'error'
export type LogFields = Readonly<Record<string, unknown>>

/** One line an event: a sentence for people and fields for machines. Never a stack trace for a user's mistake. */
export interface Logger {
  debug(message: string, fields?: LogFields): void
  info(message: string, fields?: LogFields): void
  warn(message: string, fields?: LogFields): void
  error(message: string, fields?: LogFields): void
}

const rank: Record<LogLevel, number> = { debug: 0, info: 1, warn: 2, error: 3 }
/** What a terminal is told before and after a text. */
type Style = readonly [string, string]
const plainStyle: Style = ['', '']
const dim: Style = ['\x1b[2m', '\x1b[0m']
const styles: Record<LogLevel, Style> = {
  debug: dim,
  info: plainStyle,
  warn: ['\x1b[33m', '\x1b[0m'],
  error: ['\x1b[31m', '\x1b[0m'],
}

export interface LoggerOptions {
  readonly level: LogLevel
  readonly format: 'text' | 'json'
  /** Whether text has colours; it has, unless this says otherwise. */
  readonly hasColor?: boolean
  readonly write: (line: string) => void
}

/** Text on a terminal, JSON lines otherwise. Log lines go to standard error: standard output belongs to results. */
export function systemLogger(level: LogLevel = 'info'): Logger {
  return standardErrorLogger(level, isatty(2) ? 'text' : 'json')
}

/** Coloured on a terminal only, and there not if NO_COLOR is set. */
export function standardErrorLogger(level: LogLevel, format: 'text' | 'json'): Logger {
  const hasColor = isatty(2) && !process.env.NO_COLOR
  return createLogger({ level, format, hasColor, write: lineWriter() })
}

/**
 * A log on a full disk loses lines, and that is all: its stream would fail once and for good, and take the process with it. Terminals and
 * pipes are left to their stream, which knows how to wait.
 */
function lineWriter(): (line: string) => void {
  const kind = fstatSync(2)
  if (kind.isFIFO() || kind.isSocket() || isatty(2)) return line => process.stderr.write(line)
  return line => {
    try {
      writeSync(2, line)
    } catch {}
  }
}

export function createLogger({ level, format, hasColor = true, write }: LoggerOptions): Logger {
  const line = format === 'json' ? jsonLine : hasColor ? coloredLine : plainLine
  const at = (own: LogLevel) =>
    rank[own] < rank[level] ? () => {} : (message: string, fields?: LogFields) => write(line(own, message, fields))
  return { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') }
}

export const silentLogger: Logger = createLogger({ level: 'error', format: 'json', write: () => {} })

function jsonLine(level: LogLevel, message: string, fields: LogFields = {}): string {
  const own = { time: new Date().toISOString(), level, message }
  try {
    return `${JSON.stringify({ ...own, ...fields, ...own }, plain)}\n`
  } catch {
    const flat = Object.entries(fields).map(([name, value]) => [
      name,
      typeof value === 'object' ? textOf(value) : value,
    ])
    return `${JSON.stringify({ ...own, ...Object.fromEntries(flat), ...own }, plain)}\n`
  }
}

const coloredLine = (level: LogLevel, message: string, fields: LogFields = {}): string =>
  textLine(message, fields, styles[level], dim)

const plainLine = (_level: LogLevel, message: string, fields: LogFields = {}): string =>
  textLine(message, fields, plainStyle, plainStyle)

function textLine(message: string, fields: LogFields, own: Style, aside: Style): string {
  const details = Object.entries(fields).map(
    ([name, value]) => ` ${styled(`${inOneLine(name)}=`, aside)}${shown(value)}`,
  )
  const time = new Date().toTimeString().slice(0, 8)
  return `${styled(time, aside)} ${styled(inOneLine(message), own)}${details.join('')}\n`
}

const styled = (text: string, [before, after]: Style): string => before + text + after

function shown(value: unknown): string {
  return inOneLine(typeof value === 'string' ? value : textOf(value))
}

/** Names and texts come from clients: none of them may begin a line of its own or steer the terminal. */
function inOneLine(text: string): string {
  return text.replace(/\p{Cc}|[\u2028\u2029]/gu, char => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`)
}

/** As JSON, whatever it is: a line that cannot be written must not be the end of what it tells about. */
function textOf(value: unknown): string {
  try {
    return JSON.stringify(value, plain) ?? String(value)
  } catch (error) {
    return `(not shown: ${error instanceof Error ? error.message.split('\n', 1)[0] : 'unknown'})`
  }
}

function plain(_name: string, value: unknown): unknown {
  if (value instanceof Error) return value.message
  return typeof value === 'bigint' ? String(value) : value
}
