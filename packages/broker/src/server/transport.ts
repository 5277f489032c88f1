/** What brings bytes to the broker: the network, or a simulation of it that delays, cuts and stalls at will, from one seed. */
import { type AddressInfo, createServer, Socket, type SocketConstructorOpts } from 'node:net'
import { letGo } from '@millrace/base'

export interface Transport {
  /** Answers once it listens. Rejects when the address is taken or not ours. */
  listen(at: ListenAddress, accept: (socket: TransportSocket) => void): Promise<TransportListener>
}

/** `host` undefined means every address, port 0 one that is free. */
export interface ListenAddress {
  readonly host: string | undefined
  readonly port: number
  readonly backlog: number
}

export interface TransportListener {
  readonly port: number
  onError(run: (error: Error) => void): void
  /** Takes no new connections. Those that are there stay. */
  close(): void
}

/** What a connection uses of `net.Socket`, with its meaning. */
export interface TransportSocket {
  readonly remoteAddress?: string | undefined
  readonly writable: boolean
  /** Of whole writes: one that the system has taken in part counts in full. */
  readonly writableLength: number
  /** The same without what of a write the system has taken, where it is known. */
  readonly backlogBytes?: number
  /** Whoever reads wishes large chunks. */
  readsMuch?: boolean
  /** The chunk is lent for the call: afterwards other bytes are in it. */
  on(event: 'data', run: (chunk: Buffer) => void): unknown
  on(event: 'drain' | 'close', run: () => void): unknown
  on(event: 'error', run: (error: Error) => void): unknown
  setNoDelay(on: boolean): unknown
  setKeepAlive(on: boolean, initialDelayMs: number): unknown
  pause(): unknown
  resume(): unknown
  cork(): void
  uncork(): void
  /** Once `sent` is called without a failure, or `close` has come, the chunk is not looked at any more. */
  write(chunk: Uint8Array, sent?: (failed?: Error | null) => void): boolean
  end(): unknown
  destroySoon(): void
  destroy(): unknown
}

export const nodeTransport: Transport = {
  listen: (at, accept) => (at.host === 'localhost' ? listenOnLoopback(at, accept) : listenAt(at, accept)),
}

type Accept = (socket: TransportSocket) => void

/**
 * On both addresses that `localhost` may stand for: which one its resolver gives first differs from machine to machine, and a client that
 * was told 127.0.0.1 tries no other. A machine without IPv6 has the first alone.
 */
async function listenOnLoopback(at: ListenAddress, accept: Accept): Promise<TransportListener> {
  const first = await listenAt({ ...at, host: '127.0.0.1' }, accept)
  try {
    const second = await listenAt({ ...at, host: '::1', port: first.port }, accept)
    return both(first, second)
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'EADDRNOTAVAIL' || code === 'EAFNOSUPPORT') return first
    first.close()
    throw error
  }
}

const both = (first: TransportListener, second: TransportListener): TransportListener => ({
  port: first.port,
  onError: run => {
    first.onError(run)
    second.onError(run)
  },
  close: () => {
    first.close()
    second.close()
  },
})

async function listenAt({ host, port, backlog }: ListenAddress, accept: Accept): Promise<TransportListener> {
  const server = createServer({ pauseOnConnect: true, allowHalfOpen: false }, socket => accept(sharingChunks(socket)))
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  server.once('error', reject)
  server.listen({ port, host, backlog }, resolve)
  await promise
  server.off('error', reject)
  return {
    port: (server.address() as AddressInfo).port,
    onError: run => void server.on('error', run),
    close: () => void server.close(),
  }
}

/** What one read of a socket brings at the most, as it does by Node's own choice. */
const chunk = Buffer.allocUnsafeSlow(64 * 1024)
/** The same where large requests come: several of them in one read cost less, and are answered with one write. */
const LARGE_CHUNK_BYTES = 256 * 1024
let largeChunk: Buffer | undefined

/** One for all sockets: with a function of its own each socket would be of a shape of its own, and whatever looks at sockets, Node's streams first, would take the slow way. */
const backlogBytes = {
  get(this: { readonly _handle?: { readonly writeQueueSize?: number } | null }): number | undefined {
    return this._handle?.writeQueueSize
  },
}

/**
 * All sockets are read into one chunk: a read is followed by its `data` at once, and nothing else runs between. By itself Node makes a new buffer for each
 * read, which at hundreds of MB a second is most of what the collector has to do. Node offers this (`onread`) to sockets that connect and not to those that
 * are accepted, so the accepted one's handle goes over to a socket that is made with it. Where there is no such handle, all stays as it is.
 */
function sharingChunks(accepted: Socket): Socket {
  const { _handle: handle } = accepted as unknown as { _handle?: object | null }
  if (handle === undefined || handle === null) return accepted.resume()
  Object.assign(accepted, { _handle: null })
  // It is asked for the first buffer while it is made.
  let socket: (Socket & TransportSocket) | undefined
  const onread = {
    buffer(): Buffer {
      if (socket?.readsMuch !== true) return chunk
      largeChunk ??= Buffer.allocUnsafeSlow(LARGE_CHUNK_BYTES)
      return largeChunk
    },
    callback(count: number, chunk: Buffer): boolean {
      const bytes = chunk.subarray(0, count)
      socket?.emit('data', bytes)
      letGo(bytes)
      return true
    },
  }
  const options = { handle, onread, allowHalfOpen: false, readable: true, writable: true }
  socket = Object.assign(new Socket(options as SocketConstructorOpts), { readsMuch: false })
  Object.defineProperty(socket, 'backlogBytes', backlogBytes)
  // The empty one that is left takes itself off the server's list.
  accepted.destroy()
  return socket
}
