/** The way between clients and broker: passes bytes on as they are, and cuts, stalls, delays or refuses when it is told to. */
import { type AddressInfo, createConnection, createServer, type Server, type Socket } from 'node:net'

export class FaultyLink implements AsyncDisposable {
  connections = 0
  readonly #server: Server
  readonly #targetPort: number
  readonly #pairs = new Set<readonly [Socket, Socket]>()
  #isRefusing = false
  #isStalled = false
  #delayMs = 0

  private constructor(server: Server, targetPort: number) {
    this.#server = server
    this.#targetPort = targetPort
    server.on('connection', socket => this.#accept(socket))
  }

  static async open(targetPort: number): Promise<FaultyLink> {
    const server = createServer({ noDelay: true })
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
    return new FaultyLink(server, targetPort)
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port
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
    await new Promise(resolve => this.#server.close(resolve))
  }

  #accept(client: Socket): void {
    client.on('error', () => {})
    if (this.#isRefusing) return void client.resetAndDestroy()
    this.connections++
    const broker = createConnection({ port: this.#targetPort, host: '127.0.0.1', noDelay: true })
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
