/**
 * A record as one line of JSON, both ways without loss: `consume --output json` writes what `produce --json` reads.
 *
 *   {"topic":"t","partition":0,"offset":7,"timestamp":1732424400000,"key":"k","value":"v","headers":[{"key":"h","value":"x"}]}
 *
 * Bytes that are not UTF-8 stand in `keyBase64` and `valueBase64` instead. What kcat -J writes (`payload`, `ts`, flat headers) is read too.
 */
import { isUtf8 } from 'node:buffer'
import { CliError } from '../shared/cli-error.ts'
import type { ShownRecord } from './shown-record.ts'

export function recordToJson(record: ShownRecord): string {
  const { topic, partition, offset, timestamp, headers } = record
  return JSON.stringify({
    topic,
    partition,
    offset,
    timestamp,
    ...bytesField('key', record.key),
    ...bytesField('value', record.value),
    headers: headers.map(({ key, value }) => ({ key, ...bytesField('value', value) })),
  })
}

function bytesField(name: string, bytes: Buffer | null): Record<string, string | null> {
  if (bytes === null) return { [name]: null }
  return isUtf8(bytes) ? { [name]: bytes.toString('utf8') } : { [`${name}Base64`]: bytes.toString('base64') }
}

export interface RecordToSend {
  readonly topic: string
  readonly partition?: number
  readonly key: Buffer | null
  readonly value: Buffer | null
  readonly timestamp?: number
  readonly headers?: readonly { readonly key: string; readonly value: Buffer | null }[]
}

export interface JsonDefaults {
  /** Of records that name none; with `force`, of all. */
  readonly topic: string
  /** Whether a record's own partition counts: it does not when it came from a topic of another shape. */
  readonly keepPartition: boolean
}

/** Throws one sentence for a line that is not a record. */
export function recordFromJson(line: string, { topic, keepPartition }: JsonDefaults): RecordToSend {
  const fields = parseObject(line)
  const partition = keepPartition ? fields.partition : undefined
  const timestamp = fields.timestamp ?? fields.ts
  return {
    topic,
    ...(partition !== undefined && partition !== null && { partition: wholeNumber('partition', partition) }),
    ...(timestamp !== undefined &&
      timestamp !== null &&
      timestamp !== -1 && { timestamp: wholeNumber('timestamp', timestamp) }),
    key: bytesOf('key', fields),
    value: bytesOf('value', 'payload' in fields && !('value' in fields) ? { value: fields.payload } : fields),
    headers: headersOf(fields.headers),
  }
}

type Fields = Readonly<Record<string, unknown>>

function parseObject(line: string): Fields {
  try {
    const parsed: unknown = JSON.parse(line)
    if (typeof parsed === 'object' && parsed !== null && !Array.isArray(parsed)) return parsed as Fields
  } catch (error) {
    throw new CliError(`it is not JSON: ${error instanceof Error ? error.message : String(error)}`)
  }
  throw new CliError('it is not a JSON object')
}

/** Text as it is, null as null, any other value as its JSON. */
function bytesOf(name: string, fields: Fields): Buffer | null {
  const encoded = fields[`${name}Base64`]
  if (typeof encoded === 'string') return Buffer.from(encoded, 'base64')
  const value = fields[name]
  if (value === undefined || value === null) return null
  return Buffer.from(typeof value === 'string' ? value : JSON.stringify(value))
}

function headersOf(headers: unknown): readonly { readonly key: string; readonly value: Buffer | null }[] {
  if (headers === undefined || headers === null) return []
  if (!Array.isArray(headers)) {
    if (typeof headers !== 'object') throw new CliError('its headers are neither a list nor an object')
    return Object.keys(headers).map(key => ({ key, value: bytesOf(key, headers as Fields) }))
  }
  if (headers.every(item => typeof item === 'object' && item !== null && typeof item.key === 'string'))
    return headers.map(item => ({ key: String(item.key), value: bytesOf('value', item) }))
  if (headers.length % 2 !== 0) throw new CliError('its list of headers has a name without a value')
  return Array.from({ length: headers.length / 2 }, (_, i) => ({
    key: String(headers[2 * i]),
    value: bytesOf('value', { value: headers[2 * i + 1] }),
  }))
}

function wholeNumber(name: string, value: unknown): number {
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0) return value
  throw new CliError(`its ${name} is not a whole number`)
}
