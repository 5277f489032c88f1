// `listeners`, `advertised.listeners` and `listener.security.protocol.map`: Kafka's syntax and Kafka's refusals, and the
// rule of this broker that who listens beyond loopback without authentication has to say so.
import { isIPv4, isIPv6 } from 'node:net'

export interface Listener {
  readonly name: string
  /** Empty means all interfaces; an IPv6 address stands without brackets. */
  readonly host: string
  /** 0 lets the system choose. */
  readonly port: number
  readonly securityProtocol: 'PLAINTEXT'
}

export interface Endpoint {
  readonly name: string
  readonly host: string
  readonly port: number
}

export interface ListenerTexts {
  readonly listeners: readonly string[]
  readonly advertised: readonly string[] | null
  readonly protocolMap: string
  /** Names in `controller.listener.names`: there is no controller here, so nobody listens on them. */
  readonly controllerNames: readonly string[]
  readonly allowAnonymous: boolean
}

export interface ListenerPlan {
  readonly listeners: readonly Listener[]
  readonly advertised: readonly Endpoint[]
  readonly notes: readonly string[]
}

/** A refusal, and the configuration that it is about. */
export interface ListenerProblem {
  readonly name: 'listeners' | 'advertised.listeners' | 'listener.security.protocol.map'
  readonly message: string
}

const listenersMax = 100

/** The listeners to open and the endpoints to tell clients, or everything that is wrong with them. */
export function planListeners(texts: ListenerTexts): ListenerPlan | readonly ListenerProblem[] {
  const protocols = parseProtocolMap(texts.protocolMap)
  if (typeof protocols === 'string') return [{ name: 'listener.security.protocol.map', message: protocols }]
  const bound = parseEndpoints('listeners', texts.listeners)
  if (typeof bound === 'string') return [{ name: 'listeners', message: bound }]
  const advertised = texts.advertised === null ? null : parseEndpoints('advertised.listeners', texts.advertised)
  if (typeof advertised === 'string') return [{ name: 'advertised.listeners', message: advertised }]

  const isController = (endpoint: Endpoint) => texts.controllerNames.includes(endpoint.name)
  const ours = bound.filter(endpoint => !isController(endpoint))
  const told = advertised?.filter(endpoint => !isController(endpoint)) ?? null
  const problems = [
    ...ours.flatMap(({ name }) => protocolProblem(name, protocols.get(name))),
    ...portProblems(ours, bound),
    ...(texts.allowAnonymous
      ? []
      : ours.filter(({ name }) => protocols.get(name) === 'PLAINTEXT').flatMap(openProblem)),
    ...(told === null ? impliedProblems(ours) : advertisedProblems(told, bound)),
  ]
  if (problems.length > 0) return problems
  return {
    listeners: ours.map(endpoint => ({ ...endpoint, securityProtocol: 'PLAINTEXT' as const })),
    advertised: told ?? ours,
    notes: bound
      .filter(isController)
      .map(({ name }) => `listener ${name} is not opened: there is no separate controller here`),
  }
}

export const isListenerPlan = (plan: ListenerPlan | readonly ListenerProblem[]): plan is ListenerPlan =>
  'listeners' in plan

/** What clients are told once the ports are bound: a port 0 takes the bound one, an empty host this machine's name. */
export function advertisedEndpoints(
  plan: ListenerPlan,
  boundPorts: ReadonlyMap<string, number>,
  hostname: string,
): readonly Endpoint[] {
  return plan.advertised.map(({ name, host, port }) => ({
    name,
    host: host === '' ? hostname : host,
    port: port === 0 ? (boundPorts.get(name) ?? 0) : port,
  }))
}

export const isLoopbackHost = (host: string): boolean =>
  host === 'localhost' || host === '::1' || (isIPv4(host) && host.startsWith('127.')) || host === '::ffff:127.0.0.1'

/** `HOST:PORT`, `[::1]:PORT` or `:PORT`, as `millrace.admin.listener` takes it. */
export function parseHostPort(text: string): { readonly host: string; readonly port: number } | undefined {
  const [, bracketed, plain, digits] =
    text.trim().match(/^(?:\[([0-9a-fA-F:%._-]+)\]|([0-9a-zA-Z.%_-]*)):(\d{1,5})$/) ?? []
  const port = Number(digits)
  return digits === undefined || port > 65535 ? undefined : { host: bracketed ?? plain ?? '', port }
}

/** The same on both lists: each entry parses, and no name stands twice. */
function parseEndpoints(key: string, texts: readonly string[]): readonly Endpoint[] | string {
  const wrong = (reason: string) => `Error creating broker listeners from '${texts.join(',')}': ${reason}`
  if (texts.length === 0 && key === 'listeners') return wrong('at least one listener is needed')
  if (texts.length > listenersMax) return wrong(`more than ${listenersMax} listeners`)
  const endpoints: Endpoint[] = []
  for (const text of texts) {
    const [, name, address] = text.match(/^([^:/]+):\/\/(.*)$/) ?? []
    const hostPort = address === undefined ? undefined : parseHostPort(withBrackets(address))
    if (name === undefined || !hostPort) return wrong(`Unable to parse ${text} to a broker endpoint`)
    endpoints.push({ name: name.trim().toUpperCase(), ...hostPort })
  }
  const names = new Set(endpoints.map(({ name }) => name))
  return names.size < endpoints.length ? wrong('Each listener must have a different name') : endpoints
}

/** Kafka takes an IPv6 address without brackets as well: what follows the last colon is the port. */
const withBrackets = (address: string): string =>
  address.replace(/^([0-9a-fA-F%.]*:[0-9a-fA-F:%.]*):(\d+)$/, (whole, host, port) =>
    isIPv6(host) ? `[${host}]:${port}` : whole,
  )

function portProblems(ours: readonly Endpoint[], all: readonly Endpoint[]): ListenerProblem[] {
  const problems: ListenerProblem[] = []
  const refuse = (message: string) => problems.push({ name: 'listeners', message })
  if (ours.length === 0) refuse('listeners has no listener for clients: all its names are in controller.listener.names')
  for (const [port, sharing] of Map.groupBy(all, endpoint => endpoint.port)) {
    if (port === 0 || sharing.length === 1) continue
    const isPair = sharing.length === 2 && sharing.some(e => isIPv4(e.host)) && sharing.some(e => isIPv6(e.host))
    if (isPair) continue
    refuse(
      'Each listener must have a different port unless exactly one listener has an IPv4 address and the other an IPv6 ' +
        `address, and ${port} stands more than once`,
    )
  }
  return problems
}

function openProblem({ name, host, port }: Endpoint): ListenerProblem[] {
  if (isLoopbackHost(host)) return []
  const message =
    `listener ${name}://${shownHost(host)}:${port} can be reached from other machines and nobody would have to ` +
    'authenticate: start with --allow-anonymous (or millrace.allow.anonymous=true) if that is meant'
  return [{ name: 'listeners', message }]
}

const shownHost = (host: string): string => (isIPv6(host) ? `[${host}]` : host)
const isMetaAddress = (host: string): boolean => host === '0.0.0.0' || host === '::'

function impliedProblems(bound: readonly Endpoint[]): ListenerProblem[] {
  return bound
    .filter(({ host }) => isMetaAddress(host))
    .map(({ name, host }) => ({
      name: 'advertised.listeners',
      message: `advertised.listeners cannot use the nonroutable meta-address ${host}. Use a routable IP address: set advertised.listeners, or leave the host of ${name} empty`,
    }))
}

function advertisedProblems(told: readonly Endpoint[], bound: readonly Endpoint[]): ListenerProblem[] {
  const refuse = (message: string): ListenerProblem => ({ name: 'advertised.listeners', message })
  const known = bound.map(({ name }) => name)
  const problems = told
    .filter(({ host }) => isMetaAddress(host))
    .map(({ host }) =>
      refuse(`advertised.listeners cannot use the nonroutable meta-address ${host}. Use a routable IP address.`),
    )
  const unknown = told.filter(({ name }) => !known.includes(name)).map(({ name }) => name)
  if (unknown.length > 0) {
    problems.push(
      refuse(
        `advertised.listeners listener names must be equal to or a subset of the ones defined in listeners. Found ${unknown.join(',')}. The valid options based on the current configuration are ${known.join(',')}`,
      ),
    )
  }
  if (told.length === 0) problems.push(refuse('advertised.listeners has no listener for clients'))
  return problems
}

const laterProtocols = ['SSL', 'SASL_PLAINTEXT', 'SASL_SSL']

function parseProtocolMap(text: string): ReadonlyMap<string, string> | string {
  const protocols = new Map<string, string>()
  for (const entry of text
    .split(',')
    .map(item => item.trim())
    .filter(Boolean)) {
    const [, name, protocol] = entry.match(/^([^:]+):([^:]+)$/) ?? []
    if (name === undefined || protocol === undefined) {
      return `Error parsing configuration property 'listener.security.protocol.map': ${entry} is not NAME:PROTOCOL`
    }
    const key = name.trim().toUpperCase()
    if (protocols.has(key))
      return `Error parsing configuration property 'listener.security.protocol.map': ${key} stands twice`
    const upper = protocol.trim().toUpperCase()
    if (upper !== 'PLAINTEXT' && !laterProtocols.includes(upper)) {
      return `listener.security.protocol.map names an unknown security protocol: ${protocol.trim()}`
    }
    protocols.set(key, upper)
  }
  return protocols
}

function protocolProblem(name: string, protocol: string | undefined): ListenerProblem[] {
  if (protocol === 'PLAINTEXT') return []
  if (protocol === undefined) {
    return [
      {
        name: 'listeners',
        message: `No security protocol defined for listener ${name}: add it to listener.security.protocol.map`,
      },
    ]
  }
  return [
    {
      name: 'listeners',
      message: `listener ${name} asks for ${protocol}, which is not available yet: only PLAINTEXT is`,
    },
  ]
}
