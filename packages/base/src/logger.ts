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
const color: Record<LogLevel, string> = { debug: '\x1b[2m', info: '', warn: '\x1b[33m', error: '\x1b[31m' }

export interface LoggerOptions {
  readonly level: LogLevel
  readonly format: 'text' | 'json'
  readonly write: (line: string) => void
}

/** Text on a terminal, JSON lines otherwise. Log lines go to standard error: standard output belongs to results. */
export function systemLogger(level: LogLevel = 'info'): Logger {
  return createLogger({ level, format: isatty(2) ? 'text' : 'json', write: line => process.stderr.write(line) })
}

export function createLogger({ level, format, write }: LoggerOptions): Logger {
  const line = format === 'json' ? jsonLine : textLine
  const at = (own: LogLevel) =>
    rank[own] < rank[level] ? () => {} : (message: string, fields?: LogFields) => write(line(own, message, fields))
  return { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') }
}

export const silentLogger: Logger = createLogger({ level: 'error', format: 'json', write: () => {} })

function jsonLine(level: LogLevel, message: string, fields: LogFields = {}): string {
  return `${JSON.stringify({ time: new Date().toISOString(), level, message, ...plain(fields) })}\n`
}

function textLine(level: LogLevel, message: string, fields: LogFields = {}): string {
  const details = Object.entries(plain(fields)).map(([name, value]) => ` \x1b[2m${name}=\x1b[0m${shown(value)}`)
  const time = new Date().toTimeString().slice(0, 8)
  return `\x1b[2m${time}\x1b[0m ${color[level]}${message}\x1b[0m${details.join('')}\n`
}

const shown = (value: unknown): string => (typeof value === 'string' ? value : JSON.stringify(value))

function plain(fields: LogFields): LogFields {
  return Object.fromEntries(Object.entries(fields).map(([k, v]) => [k, v instanceof Error ? v.message : v]))
}
