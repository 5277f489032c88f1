import { KafkaError } from '../errors.ts'

export interface Address {
  readonly host: string
  readonly port: number
}

const PORT_DEFAULT = 9092
const SERVERS_MAX = 1000

/** Reads `host:port`, `host` (port 9092) or `[ipv6]:port`; several are separated by commas or given as a list. */
export function parseServers(servers: string | readonly string[]): readonly Address[] {
  const list = (typeof servers === 'string' ? servers.split(',') : servers).map(s => s.trim()).filter(s => s !== '')
  if (list.length === 0) throw new KafkaError('INVALID_ARGUMENT', 'bootstrap names no server')
  if (list.length > SERVERS_MAX) throw new KafkaError('INVALID_ARGUMENT', `bootstrap names ${list.length} servers`)
  return list.map(parseServer)
}

function parseServer(server: string): Address {
  const match = /^(?:[A-Z_0-9]+:\/\/)?(?:\[([0-9a-fA-F:.%]+)\]|([^:[\]\s/]+))(?::(\d{1,5}))?$/.exec(server)
  const host = match?.[1] ?? match?.[2]
  const port = match?.[3] === undefined ? PORT_DEFAULT : Number(match[3])
  if (host === undefined || port < 1 || port > 65_535)
    throw new KafkaError('INVALID_ARGUMENT', `'${server}' is not an address: write host:port, such as localhost:9092`)
  return { host, port }
}

export const addressText = ({ host, port }: Address): string =>
  host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`
