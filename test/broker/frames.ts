/** Request frames as bytes, so that a test can say what is wrong with them. */
import { type Api, Writer, writeRequestHeader } from '@millrace/protocol'

interface Header {
  readonly apiKey: number
  readonly apiVersion: number
  readonly correlationId?: number
  readonly flexible?: boolean
}

/** A whole frame around any body at all. */
export function frameAround(header: Header, body: Buffer = Buffer.alloc(0)): Buffer {
  const { apiKey, apiVersion, correlationId = 1, flexible = false } = header
  const w = new Writer()
  w.int32(0)
  writeRequestHeader(w, { apiKey, apiVersion, correlationId, clientId: 'bad' }, flexible)
  w.bytes(body)
  w.patchInt32(w.length - 4)
  return Buffer.from(w.finish())
}

export function frameOf<Q, QI, R, RI>(api: Api<Q, QI, R, RI>, apiVersion: number, body: QI, correlationId = 1): Buffer {
  const flexible = apiVersion >= api.flexible
  return frameAround({ apiKey: api.key, apiVersion, correlationId, flexible }, api.request.encode(body, apiVersion))
}

export function sizePrefix(size: number): Buffer {
  const prefix = Buffer.alloc(4)
  prefix.writeInt32BE(size)
  return prefix
}
