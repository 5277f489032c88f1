/** The way between clients and broker: passes bytes on as they are, and cuts, stalls, delays or refuses when it is told to. */
import { type AddressInfo, createConnection, createServer, type Server, type Socket } from 'node:net'
import { freePortPair } from '../interop/broker.ts'

export class FaultyLink implements AsyncDisposable {
  connections = 0
  readonly port: number
  readonly #servers: readonly Server[]
  readonly #pairs = new Set<readonly [Socket, Socket]>()
  #isRefusing = false
  #isStalled = false
  #delayMs = 0

  private constructor(port: number, servers: readonly Server[], targetPort: number) {
    this.port = port
    this.#servers = servers
    for (const [i, server] of servers.entries()) server.on('connection', socket => this.#accept(socket, targetPort + i))
  }

  /** To so many ports in a row from so many in a row. */
  static async open(targetPort: number, count = 1): Promise<FaultyLink> {
    const first = count === 1 ? 0 : await freePortPair()
    const servers: Server[] = []
    for (let i = 0; i < count; i++) {
      const server = createServer({ noDelay: true })
      servers.push(server)
      await new Promise<void>((resolve, reject) => {
        server.once('error', reject)
        server.listen(count === 1 ? 0 : first + i, '127.0.0.1', resolve)
      })
    }
    return new FaultyLink((servers[0]!.address() as AddressInfo).port, servers, targetPort)
  }

  /** Ends every connection in the middle of whatever it carries. */
  cut(): void {
    for (const [client, broker] of this.#pairs) {
      client.resetAndDestroy()
      broker.resetAndDestroy()
    }
  }

  refuse(isRefusing: boolean): void {
    this.#isRefusing = isRefusing
    if (isRefusing) this.cut()
  }

  /** Nothing gets through either way, and nothing is lost. */
  stall(isStalled: boolean): void {
    this.#isStalled = isStalled
    for (const sockets of this.#pairs)
      for (const socket of sockets)
        if (isStalled) socket.pause()
        else socket.resume()
  }

  /** For chunks that come from now on. */
  delay(ms: number): void {
    this.#delayMs = ms
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.cut()
    await Promise.all(this.#servers.map(server => new Promise(resolve => server.close(resolve))))
  }

  #accept(client: Socket, targetPort: number): void {
    client.on('error', () => {})
    if (this.#isRefusing) return void client.resetAndDestroy()
    this.connections++
    const broker = createConnection({ port: targetPort, host: '127.0.0.1', noDelay: true })
    const pair = [client, broker] as const
    this.#pairs.add(pair)
    const end = (): void => {
      this.#pairs.delete(pair)
      client.destroy()
      broker.destroy()
    }
    // Comes before what ends both: a port at which nobody listens resets, and one that closes looks like a broker that wants TLS.
    broker.once('error', () => client.resetAndDestroy())
    this.#pass(client, broker, end)
    this.#pass(broker, client, end)
    if (this.#isStalled) for (const socket of pair) socket.pause()
  }

  #pass(from: Socket, to: Socket, end: () => void): void {
    let ahead = Promise.resolve()
    const write = (chunk: Buffer): void => {
      if (to.destroyed || to.write(chunk)) return
      from.pause()
      to.once('drain', () => {
        if (!this.#isStalled) from.resume()
      })
    }
    from.on('data', (chunk: Buffer) => {
      const ms = this.#delayMs
      if (ms > 0) {
        // one after the other, so that nothing overtakes
        const due = new Promise<void>(resolve => setTimeout(resolve, ms))
        ahead = ahead.then(() => due).then(() => write(chunk))
      } else ahead = ahead.then(() => write(chunk))
    })
    from.on('end', () => void ahead.then(() => to.end()))
    from.on('error', end)
    from.on('close', () => void ahead.then(end))
  }
}
