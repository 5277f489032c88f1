import { MalformedError } from './malformed.ts'
import type { Reader } from './reader.ts'
import { STRING_BYTES_MAX } from './reader.ts'
import type { Writer } from './writer.ts'

export interface RequestHeader {
  readonly apiKey: number
  readonly apiVersion: number
  readonly correlationId: number
  readonly clientId: string | null
}

/** What every request begins with, whatever its version: enough to find out whether the rest can be read. */
export function readRequestStart(r: Reader): { apiKey: number; apiVersion: number; correlationId: number } {
  return { apiKey: r.int16(), apiVersion: r.int16(), correlationId: r.int32() }
}

/** The client id keeps its int16 length in the flexible header too (KIP-482). */
export function readRequestRest(r: Reader, flexible: boolean): string | null {
  const length = r.int16()
  if (length < -1) throw new MalformedError(`client id of ${length} bytes`)
  const clientId = length < 0 ? null : r.utf8(length)
  if (flexible) skipTags(r)
  return clientId
}

export function writeRequestHeader(w: Writer, header: RequestHeader, flexible: boolean): void {
  w.int16(header.apiKey)
  w.int16(header.apiVersion)
  w.int32(header.correlationId)
  const length = header.clientId === null ? -1 : Buffer.byteLength(header.clientId)
  if (length > STRING_BYTES_MAX)
    throw new RangeError(`client id of ${length} bytes, at most ${STRING_BYTES_MAX} can be sent`)
  w.int16(length)
  if (header.clientId !== null) w.utf8(header.clientId, length)
  if (flexible) w.uvarint(0)
}

/** ApiVersions is answered with the old header even when its body is flexible: the client does not know yet what the broker speaks. */
export function responseHeaderIsFlexible(apiKey: number, flexible: boolean): boolean {
  return flexible && apiKey !== 18
}

export function writeResponseHeader(w: Writer, correlationId: number, flexible: boolean): void {
  w.int32(correlationId)
  if (flexible) w.uvarint(0)
}

export function readResponseHeader(r: Reader, flexible: boolean): number {
  const correlationId = r.int32()
  if (flexible) skipTags(r)
  return correlationId
}

function skipTags(r: Reader): void {
  for (let left = r.tagCount(); left > 0; left--) {
    r.uvarint()
    r.offset = r.tagEnd(r.uvarint())
  }
}
