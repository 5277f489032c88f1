import type { Logger } from '@millrace/base'
import {
  type Broker,
  type BrokerConfig,
  isConfigProblems,
  type LoadOptions,
  loadBrokerConfig,
  portsOverlap,
  startBroker,
} from '@millrace/broker'
import type { ServeOptions } from './commands/serve.ts'
import { setCollectorFlags } from './serve/collector-flags.ts'
import { explainStart } from './serve/explain-start.ts'
import { loggerOf } from './serve/logger-of.ts'
import { openEngine } from './serve/open-engine.ts'
import { stopSignal } from './serve/stop-signal.ts'
import { Supervisor, type SupervisorOptions } from './serve/supervisor.ts'

/** Runs a broker until SIGTERM or SIGINT and answers the exit status: 0 for a clean stop, 1 for a fault, 2 for a configuration that cannot be. */
export async function serve(options: ServeOptions): Promise<number> {
  const load: LoadOptions = {
    ...(options.config !== undefined && { file: options.config }),
    set: options.nodes === undefined ? options.set : [...options.set, `millrace.nodes=${options.nodes}`],
    env: { ...process.env },
    allowAnonymous: options.allowAnonymous,
    durable: options.durable,
  }
  const config = loadBrokerConfig(load)
  const problems = isConfigProblems(config) ? config.map(({ message }) => message) : (portsOverlap(config) ?? [])
  if (isConfigProblems(config) || problems.length > 0) {
    for (const problem of [problems].flat()) process.stderr.write(`millrace: ${problem}\n`)
    return 2
  }
  const logger = loggerOf(config)
  for (const note of config.notes) logger.info(note)
  const isEphemeral = options.ephemeral || config.storage === 'memory'
  try {
    if (config.nodeCount > 1) await runNodes({ config, load, isEphemeral, logger })
    else await run(config, logger, isEphemeral)
    return 0
  } catch (error) {
    logger.error(explainStart(error, config))
    return 1
  }
}

async function run(config: BrokerConfig, logger: Logger, isEphemeral: boolean): Promise<void> {
  const startedMs = performance.now()
  setCollectorFlags()
  const signal = stopSignal(logger)
  const engine = await openEngine(config, logger, isEphemeral)
  const broker = await startBroker({ config, engine, logger })
  logger.info('broker is ready', {
    ...addressesOf(config, broker),
    clusterId: broker.clusterId,
    folder: isEphemeral ? 'none, all is in memory' : config.logDirs.join(', '),
    partitions: broker.partitionCount,
    startMs: Math.round(performance.now() - startedMs),
  })
  const { name, echoed } = await signal
  logger.info('stopping', { signal: name })
  const stoppingMs = performance.now()
  await broker.stop()
  logger.info('stopped', { stopMs: Math.round(performance.now() - stoppingMs) })
  await echoed
}

async function runNodes(options: SupervisorOptions): Promise<void> {
  const { config, logger, isEphemeral } = options
  const startedMs = performance.now()
  setCollectorFlags()
  const signal = stopSignal(logger)
  const supervisor = await Supervisor.start(options)
  const addresses = supervisor.ready.map(node => addressesOf(config, node))
  const admin = addresses.flatMap(each => each.admin ?? [])
  logger.info('broker is ready', {
    listeners: addresses.map(({ listeners }) => listeners).join(', '),
    ...(admin.length > 0 && { admin: admin.join(', ') }),
    nodes: supervisor.nodeIds.length,
    clusterId: supervisor.clusterId,
    folder: isEphemeral ? 'none, all is in memory' : config.logDirs.join(', '),
    partitions: supervisor.ready[0]!.partitions,
    startMs: Math.round(performance.now() - startedMs),
  })
  const { name, echoed } = await Promise.race([signal, supervisor.failed]).catch(async (error: unknown) => {
    await supervisor.stop()
    throw error
  })
  logger.info('stopping', { signal: name })
  const stoppingMs = performance.now()
  await supervisor.stop()
  logger.info('stopped', { stopMs: Math.round(performance.now() - stoppingMs) })
  await echoed
}

function addressesOf(
  { listenerPlan, adminListener }: BrokerConfig,
  { ports }: Pick<Broker, 'ports'>,
): { readonly listeners: string; readonly admin?: string } {
  const listeners = listenerPlan.listeners.map(
    ({ name, host, port }) => `${name}://${shownHost(host)}:${ports.get(name) ?? port}`,
  )
  if (adminListener === null || !ports.has('ADMIN')) return { listeners: listeners.join(', ') }
  const host = adminListener.slice(0, adminListener.lastIndexOf(':'))
  return { listeners: listeners.join(', '), admin: `http://${host || '*'}:${ports.get('ADMIN')}` }
}

function shownHost(host: string): string {
  if (host === '') return '*'
  return host.includes(':') ? `[${host}]` : host
}
