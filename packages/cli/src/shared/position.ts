/**
 * A place in a partition, as it is written on the command line:
 *
 *   beginning  end  stored       first record kept, after the last record, where the group stands
 *   42                           that offset
 *   -10  +10                     ten before the end, ten after the beginning
 *   @1h30m                       that long ago
 *   @2026-11-24T05:00:00Z        that moment; a date alone, or without a zone, is in local time
 *   @1732424400000               milliseconds since 1970
 */
import { usageError } from './cli-error.ts'
import { parseDuration } from './units.ts'

export type Position =
  | { readonly kind: 'beginning' }
  | { readonly kind: 'end' }
  | { readonly kind: 'stored' }
  | { readonly kind: 'offset'; readonly offset: number }
  | { readonly kind: 'beforeEnd' | 'afterBeginning'; readonly count: number }
  | { readonly kind: 'time'; readonly timestampMs: number }

const words: Readonly<Record<string, 'beginning' | 'end' | 'stored'>> = {
  beginning: 'beginning',
  earliest: 'beginning',
  start: 'beginning',
  first: 'beginning',
  end: 'end',
  latest: 'end',
  stored: 'stored',
  current: 'stored',
  committed: 'stored',
}

const HINT = 'write beginning, end, 42, -10 (before the end), +10 (after the beginning), @1h or @2026-11-24T05:00:00Z'

export function parsePosition(text: string, nowMs: number): Position {
  const word = words[text]
  if (word !== undefined) return { kind: word }
  const number = /^([+-]?)(\d{1,16})$/.exec(text)
  if (number !== null && Number.isSafeInteger(Number(number[2]))) {
    const count = Number(number[2])
    if (number[1] === '') return { kind: 'offset', offset: count }
    return number[1] === '-' ? { kind: 'beforeEnd', count } : { kind: 'afterBeginning', count }
  }
  // kcat writes s@… for a time to start at and e@… for one to stop at; which it is here, the option says.
  const time = /^[se]?@(.+)$/.exec(text)
  if (time !== null) return { kind: 'time', timestampMs: parseTime(time[1]!, nowMs) }
  throw usageError(`'${text}' is not an offset or a time`, HINT)
}

/** `1h` (ago), `now`, milliseconds since 1970, or a date and time. */
export function parseTime(text: string, nowMs: number): number {
  if (text === 'now') return nowMs
  const ago = parseDuration(text)
  if (ago !== undefined) return Math.max(0, nowMs - ago)
  if (/^\d{1,16}$/.test(text)) return Number(text)
  if (/^\d{4}-\d{2}-\d{2}([T ]\d{2}:\d{2}(:\d{2}([.,]\d+)?)?(Z|[+-]\d{2}:?\d{2})?)?$/.test(text)) {
    // A date alone would be read as UTC, and with a time as local: one rule for both.
    const timestampMs = Date.parse(text.length === 10 ? `${text}T00:00` : text.replace(' ', 'T').replace(',', '.'))
    if (!Number.isNaN(timestampMs)) return timestampMs
  }
  throw usageError(`'${text}' is not a time`, 'write 1h (ago), 2026-11-24T05:00:00Z, or milliseconds since 1970')
}

export function positionText(position: Position): string {
  switch (position.kind) {
    case 'offset':
      return String(position.offset)
    case 'beforeEnd':
      return `-${position.count}`
    case 'afterBeginning':
      return `+${position.count}`
    case 'time':
      return `@${new Date(position.timestampMs).toISOString()}`
    default:
      return position.kind
  }
}
