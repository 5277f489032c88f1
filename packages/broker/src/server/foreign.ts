/** Recognises peers that speak another protocol on a Kafka port, by their first bytes. */
interface Foreign {
  readonly reason: string
  /** To be sent before the connection ends. */
  readonly answer?: Buffer
}

const HTTP = /^(GET|POST|PUT|HEAD|DELETE|OPTIONS|PATCH|CONNECT) /
const TLS_HANDSHAKE = 0x16

export function describeForeign(chunk: Buffer): Foreign | undefined {
  if (chunk[0] === TLS_HANDSHAKE && chunk[1] === 3)
    return { reason: 'a TLS handshake on a plain listener: set security.protocol=PLAINTEXT in the client' }
  if (!HTTP.test(chunk.toString('latin1', 0, 8))) return undefined
  const body = "This port speaks Kafka's protocol, not HTTP. Point a Kafka client at it.\n"
  return {
    reason: 'an HTTP request on a Kafka listener',
    answer: Buffer.from(
      `HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\nContent-Length: ${body.length}\r\nConnection: close\r\n\r\n${body}`,
    ),
  }
}
