import { type Logger, standardErrorLogger, systemLogger } from '@millrace/base'
import { type Broker, type BrokerConfig, isConfigProblems, loadBrokerConfig, startBroker } from '@millrace/broker'
import type { ServeOptions } from './commands/serve.ts'
import { setCollectorFlags } from './serve/collector-flags.ts'
import { explainStart } from './serve/explain-start.ts'
import { openEngine } from './serve/open-engine.ts'
import { stopSignal } from './serve/stop-signal.ts'

/** Runs a broker until SIGTERM or SIGINT and answers the exit status: 0 for a clean stop, 1 for a fault, 2 for a configuration that cannot be. */
export async function serve(options: ServeOptions): Promise<number> {
  const config = loadBrokerConfig({
    ...(options.config !== undefined && { file: options.config }),
    set: options.set,
    env: process.env,
    allowAnonymous: options.allowAnonymous,
    durable: options.durable,
  })
  if (isConfigProblems(config)) {
    for (const { message } of config) process.stderr.write(`millrace: ${message}\n`)
    return 2
  }
  const logger = loggerOf(config)
  for (const note of config.notes) logger.info(note)
  try {
    await run(config, logger, options.ephemeral || config.storage === 'memory')
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

function addressesOf({ listenerPlan, adminListener }: BrokerConfig, { ports }: Broker): Record<string, string> {
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

function loggerOf(config: BrokerConfig): Logger {
  const level = config.logLevel
  if (config.logFormat === 'auto') return systemLogger(level)
  return standardErrorLogger(level, config.logFormat === 'json' ? 'json' : 'text')
}
