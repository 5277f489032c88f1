/**
 * Output formats in kcat's manner, compiled once into a list of writers.
 *
 *   %t topic      %s value (%v too)    %S its length, -1 for null    %R its length as 4 bytes, big-endian
 *   %p partition  %k key               %K its length, -1 for null    %T timestamp in ms    %d timestamp as ISO 8601
 *   %o offset     %h headers, name=value,…    %h{name} the value of one header    %% a percent sign
 *   %s{hex} %s{base64} %s{json}: how bytes are written; likewise for %k and %h{name}
 *   \n \r \t \0 \\ \x41
 */
import { usageError } from '../shared/cli-error.ts'
import type { ByteSink } from './byte-sink.ts'
import type { ShownRecord } from './shown-record.ts'

export type RecordFormat = (record: ShownRecord, sink: ByteSink) => void

const HINT = 'millrace consume --help lists what a format may hold'

export function compileFormat(format: string): RecordFormat {
  const parts: RecordFormat[] = []
  const pattern = /%([a-zA-Z%])(?:\{([^}]*)\})?|\\(x[0-9a-fA-F]{2}|.)|[^%\\]+|[%\\]/gs
  for (const [whole, directive, argument, code] of format.matchAll(pattern)) {
    if (directive !== undefined) parts.push(directiveOf(directive, argument))
    else if (code !== undefined) parts.push(constant(unescaped(code)))
    else if (whole === '%' || whole === '\\') throw usageError(`the format ends in a lone ${whole}`, HINT)
    else parts.push(constant(Buffer.from(whole)))
  }
  return (record, sink) => {
    for (const part of parts) part(record, sink)
  }
}

function directiveOf(directive: string, argument: string | undefined): RecordFormat {
  switch (directive) {
    case 's':
    case 'v': {
      const write = bytesWriter(directive, argument)
      return ({ value }, sink) => write(value, sink)
    }
    case 'k': {
      const write = bytesWriter(directive, argument)
      return ({ key }, sink) => write(key, sink)
    }
    case 'h':
      return argument === undefined ? allHeaders : oneHeader(argument)
    case '%':
      return constant(Buffer.from(argument === undefined ? '%' : `%{${argument}}`))
  }
  const plain = directives[directive]
  if (plain === undefined) throw usageError(`the format has %${directive}, which means nothing`, HINT)
  if (argument !== undefined) throw usageError(`%${directive} takes no {${argument}}`, HINT)
  return plain
}

const lengthOf = (bytes: Buffer | null): number => bytes?.length ?? -1

const directives: Readonly<Record<string, RecordFormat>> = {
  t: ({ topic }, sink) => sink.text(topic),
  p: ({ partition }, sink) => sink.text(String(partition)),
  o: ({ offset }, sink) => sink.text(String(offset)),
  S: ({ value }, sink) => sink.text(String(lengthOf(value))),
  K: ({ key }, sink) => sink.text(String(lengthOf(key))),
  R: ({ value }, sink) => sink.int32(lengthOf(value)),
  T: ({ timestamp }, sink) => sink.text(String(timestamp)),
  d: ({ timestamp }, sink) => sink.text(isoTime(timestamp)),
}

/** The largest time that a Date holds. */
const TIME_MAX = 8.64e15

export const isoTime = (timestampMs: number): string =>
  timestampMs < 0 || timestampMs > TIME_MAX ? '-' : new Date(timestampMs).toISOString()

type BytesWriter = (bytes: Buffer | null, sink: ByteSink) => void

const writers: Readonly<Record<string, BytesWriter>> = {
  hex: (bytes, sink) => sink.text(bytes?.toString('hex') ?? ''),
  base64: (bytes, sink) => sink.text(bytes?.toString('base64') ?? ''),
  json: (bytes, sink) => sink.text(JSON.stringify(bytes === null ? null : bytes.toString('utf8'))),
}

const raw: BytesWriter = (bytes, sink) => {
  if (bytes !== null) sink.bytes(bytes)
}

function bytesWriter(directive: string, encoding: string | undefined): BytesWriter {
  if (encoding === undefined) return raw
  const writer = writers[encoding]
  if (writer === undefined) throw usageError(`%${directive}{${encoding}} is not known: hex, base64 or json is`, HINT)
  return writer
}

const allHeaders: RecordFormat = ({ headers }, sink) => {
  headers.forEach(({ key, value }, i) => {
    sink.text(`${i === 0 ? '' : ','}${key}=`)
    if (value === null) sink.text('NULL')
    else sink.bytes(value)
  })
}

/** `%h{trace}`, or `%h{trace:hex}` for the bytes in another form. The last of several of the same name counts. */
function oneHeader(argument: string): RecordFormat {
  const [, name, encoding] = /^(.*?)(?::(hex|base64|json))?$/s.exec(argument)!
  const write = bytesWriter('h', encoding)
  return ({ headers }, sink) => write(headers.findLast(({ key }) => key === name)?.value ?? null, sink)
}

const constant =
  (bytes: Buffer): RecordFormat =>
  (_record, sink) =>
    sink.bytes(bytes)

const escapes: Readonly<Record<string, string>> = { n: '\n', r: '\r', t: '\t', '0': '\0', '\\': '\\' }

function unescaped(code: string): Buffer {
  if (code.length === 3) return Buffer.from(code.slice(1), 'hex')
  const known = escapes[code]
  if (known === undefined) throw usageError(`the format has \\${code}, which means nothing`, HINT)
  return Buffer.from(known)
}

/** A delimiter as it is given on the command line: `\n`, `\t`, `\x00`, or itself. */
export function parseDelimiter(text: string): Buffer {
  const parts = [...text.matchAll(/\\(x[0-9a-fA-F]{2}|.)|[^\\]+|\\$/gs)].map(([whole, code]) =>
    code === undefined ? Buffer.from(whole) : unescaped(code),
  )
  const delimiter = Buffer.concat(parts)
  if (delimiter.length === 0)
    throw usageError('a delimiter cannot be empty', "write one or more characters, such as '\\t' or '\\x00'")
  return delimiter
}
