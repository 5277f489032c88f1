// Rules between broker configurations, in Kafka's words where Kafka has them.
import type { ConfigValue } from './config-def.ts'

export interface BrokerCheckProblem {
  readonly name: string
  readonly message: string
}

/** Gives the effective value of a configuration, or null where it has none. */
export type ValueOf = (name: string) => ConfigValue | null

export function checkBrokerValues(valueFor: ValueOf): readonly BrokerCheckProblem[] {
  const problems: BrokerCheckProblem[] = []
  const require = (holds: boolean, name: string, message: string) => {
    if (!holds) problems.push({ name, message })
  }
  const numberOf = (name: string) => Number(valueFor(name))
  const noLess = (large: string, small: string) =>
    require(numberOf(large) >= numberOf(small), large, `${large} must be greater than or equal to ${small}`)

  const atLeast = (name: string, min: number) =>
    require(valueFor(name) === null || numberOf(name) >= min, name, `${name} must be greater than or equal to ${min}`)
  atLeast('log.roll.ms', 1)
  atLeast('log.roll.jitter.ms', 0)
  for (const name of ['log.retention.ms', 'log.retention.minutes', 'log.retention.hours']) {
    const value = valueFor(name)
    const isLegal = value === null || value === -1 || Number(value) >= 1
    require(isLegal, name, `${name} must be unlimited (-1) or, equal or greater than 1`)
  }
  require(numberOf('queued.max.request.bytes') <= 0 ||
    numberOf('queued.max.request.bytes') >=
      numberOf(
        'socket.request.max.bytes',
      ), 'queued.max.request.bytes', 'queued.max.request.bytes must be larger or equal to socket.request.max.bytes')
  noLess('group.max.session.timeout.ms', 'group.min.session.timeout.ms')
  noLess('log.cleaner.max.compaction.lag.ms', 'log.cleaner.min.compaction.lag.ms')
  for (const kind of ['consumer', 'share', 'streams']) {
    for (const what of ['heartbeat.interval.ms', 'session.timeout.ms', 'assignment.interval.ms']) {
      noLess(`group.${kind}.max.${what}`, `group.${kind}.min.${what}`)
      noLess(`group.${kind}.${what}`, `group.${kind}.min.${what}`)
      noLess(`group.${kind}.max.${what}`, `group.${kind}.${what}`)
    }
  }
  const logDirs = valueFor('log.dirs') ?? valueFor('log.dir')
  const hasLogDir = Array.isArray(logDirs) && logDirs.length > 0
  require(hasLogDir, 'log.dirs', 'At least one log directory must be defined via log.dirs or log.dir.')
  const overrides = parseConnectionOverrides(String(valueFor('max.connections.per.ip.overrides') ?? ''))
  if (typeof overrides === 'string') problems.push({ name: 'max.connections.per.ip.overrides', message: overrides })
  return problems
}

/** `127.0.0.1:5,host:10`: how many connections these addresses may have, or what is wrong with the text. */
export function parseConnectionOverrides(text: string): ReadonlyMap<string, number> | string {
  const overrides = new Map<string, number>()
  for (const entry of text
    .split(',')
    .map(item => item.trim())
    .filter(Boolean)) {
    const [, host, count] = entry.match(/^(.+):(\d{1,10})$/) ?? []
    if (host === undefined || Number(count) > 2147483647) {
      return `Error parsing configuration property 'max.connections.per.ip.overrides': ${entry} is not HOST:COUNT`
    }
    overrides.set(host.trim().replace(/^\[(.*)\]$/, '$1'), Number(count))
  }
  return overrides
}
