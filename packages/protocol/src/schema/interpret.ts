/** The reference: reads and writes any message of any version by walking its description. Slow and plain; `compile.ts` is held against it by a test. */
import { MalformedError, UnsupportedVersionError } from '../wire/malformed.ts'
import type { Reader } from '../wire/reader.ts'
import { STRING_BYTES_MAX } from '../wire/reader.ts'
import { Writer } from '../wire/writer.ts'
import { EncodedArray } from './encoded-array.ts'
import { type At, isLive, isNullable, type NamedField, type StructType, type Type } from './field.ts'

type Values = Record<string, unknown>

const SENTENCE_LENGTH_MAX = 10_000

export function readStruct(r: Reader, type: StructType, at: At): Values {
  const values: Values = {}
  for (const f of type.fields) {
    const inPlace = isLive(f, at.version) && !isTagged(f, at)
    values[f.name] = inPlace ? readValue(r, f.type, isNullable(f, at.version), at, f.name) : f.zero
  }
  if (at.flexible) readTags(r, type, at, values)
  return values
}

export function writeStruct(w: Writer, type: StructType, at: At, values: Values): void {
  for (const f of type.fields) {
    const value = values[f.name] === undefined ? f.zero : values[f.name]
    if (!isLive(f, at.version)) refuseUnlessZero(f, value, at)
    else if (!isTagged(f, at)) writeValue(w, f.type, value, isNullable(f, at.version), at, f.name)
  }
  if (at.flexible) writeTags(w, type, at, values)
}

const isTagged = (f: NamedField, at: At): boolean => f.tag !== undefined && at.flexible

export function isZero(f: NamedField, value: unknown): boolean {
  if (value === f.zero) return true
  if (f.type.kind === 'array') return Array.isArray(value) && value.length === 0 && Array.isArray(f.zero)
  if (f.type.kind === 'bytes') return value instanceof Uint8Array && value.length === 0 && f.zero !== null
  if (f.type.kind !== 'struct' || value === null || f.zero === null) return false
  return f.type.fields.every(inner => {
    const own = (value as Values)[inner.name]
    return own === undefined || isZero(inner, own)
  })
}

/** A message must not lose in silence what its version cannot say. */
export function refuseUnlessZero(f: NamedField, value: unknown, at: At): void {
  if (!f.ignorable && !isZero(f, value))
    throw new UnsupportedVersionError(`version ${at.version} cannot carry ${f.name}`)
}

function readTags(r: Reader, type: StructType, at: At, values: Values): void {
  for (let left = r.tagCount(); left > 0; left--) {
    const tag = r.uvarint()
    const end = r.tagEnd(r.uvarint())
    const f = type.fields.find(own => own.tag === tag && isLive(own, at.version))
    if (f === undefined) r.offset = end
    else values[f.name] = readTagged(r, f, at)
    r.expectOffset(end)
  }
}

/** Inside a tag a nullable struct is announced by an unsigned varint, not by an int8. */
function readTagged(r: Reader, f: NamedField, at: At): unknown {
  if (f.type.kind === 'struct' && isNullable(f, at.version)) return r.uvarint() === 0 ? null : readStruct(r, f.type, at)
  return readValue(r, f.type, isNullable(f, at.version), at, f.name)
}

function writeTags(w: Writer, type: StructType, at: At, values: Values): void {
  const present = type.fields
    .filter(f => f.tag !== undefined && isLive(f, at.version) && !isZero(f, values[f.name] ?? f.zero))
    .sort((a, b) => a.tag! - b.tag!)
  w.uvarint(present.length)
  for (const f of present) {
    const body = new Writer()
    const value = values[f.name]
    if (f.type.kind === 'struct' && isNullable(f, at.version)) {
      body.uvarint(value === null ? 0 : 1)
      if (value !== null) writeStruct(body, f.type, at, value as Values)
    } else writeValue(body, f.type, value, isNullable(f, at.version), at, f.name)
    w.uvarint(f.tag!)
    w.uvarint(body.length)
    for (const chunk of body.chunks()) w.bytes(chunk)
  }
}

function readValue(r: Reader, type: Type, nullable: boolean, at: At, name: string): unknown {
  switch (type.kind) {
    case 'struct':
      if (nullable && r.int8() < 0) return null
      return readStruct(r, type, at)
    case 'string':
    case 'bytes':
    case 'records':
    case 'array': {
      const length = at.flexible ? r.uvarint() - 1 : type.kind === 'string' ? r.int16() : r.int32()
      if (length < 0) return nullOf(nullable, name)
      if (type.kind === 'array')
        return Array.from({ length: r.elements(length) }, () => readValue(r, type.of, false, at, name))
      if (type.kind === 'string') return r.utf8(length)
      return type.kind === 'bytes' ? r.bytes(length) : [r.bytes(length)]
    }
    default:
      return r[type.kind]()
  }
}

function nullOf(nullable: boolean, name: string): null {
  if (!nullable) throw new MalformedError(`null in ${name}, which may not be null`)
  return null
}

function writeValue(w: Writer, type: Type, value: unknown, nullable: boolean, at: At, name: string): void {
  if (value === null && !nullable)
    throw new UnsupportedVersionError(`version ${at.version} cannot carry null in ${name}`)
  switch (type.kind) {
    case 'struct':
      if (nullable) w.int8(value === null ? -1 : 1)
      if (value !== null) writeStruct(w, type, at, value as Values)
      return
    case 'string':
    case 'bytes':
    case 'records':
    case 'array': {
      if (value instanceof EncodedArray) return w.bytes(value.bytesOf(at.version))
      if ('isClipped' in type) value = clipped(value as string | null)
      const length = value === null ? -1 : lengthOf(type.kind, value)
      if (at.flexible) w.uvarint(length + 1)
      else if (type.kind === 'string') w.int16(length)
      else w.int32(length)
      if (value === null) return
      if (type.kind === 'array') for (const x of value as unknown[]) writeValue(w, type.of, x, false, at, name)
      else if (type.kind === 'string') w.utf8(value as string, length)
      else if (type.kind === 'bytes') w.bytes(value as Uint8Array)
      else for (const view of value as Buffer[]) w.bytes(view)
      return
    }
    default:
      w[type.kind](value as never)
  }
}

export function lengthOf(kind: 'string' | 'bytes' | 'records' | 'array', value: unknown): number {
  if (kind === 'string') return stringLength(value as string)
  if (kind === 'records') return recordsLength(value as readonly Buffer[])
  return (value as { length: number }).length
}

/** No UTF-16 unit takes more than three bytes, so what is left can always be sent. */
export function clipped(text: string | null): string | null {
  return text === null || text.length <= SENTENCE_LENGTH_MAX ? text : `${text.slice(0, SENTENCE_LENGTH_MAX - 1)}…`
}

export function stringLength(value: string): number {
  const length = Buffer.byteLength(value)
  if (length > STRING_BYTES_MAX)
    throw new RangeError(`string of ${length} bytes, at most ${STRING_BYTES_MAX} can be sent`)
  return length
}

export function recordsLength(views: readonly Buffer[]): number {
  let length = 0
  for (const view of views) length += view.length
  return length
}
