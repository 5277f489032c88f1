import { createLogger, type Logger, systemClock, systemLogger } from '@millrace/base'
import { type BrokerConfig, isConfigProblems, loadBrokerConfig, startBroker } from '@millrace/broker'
import { openMemoryCatalog, openMemoryEngine, type StorageEngine, StorageError } from '@millrace/storage'
import type { ServeOptions } from './commands/serve.ts'

/** Runs a broker until SIGTERM or SIGINT and answers the exit status: 0 for a clean stop, 1 for a fault, 2 for a configuration that cannot be. */
export async function serve(options: ServeOptions): Promise<number> {
  const config = loadBrokerConfig({
    ...(options.config !== undefined && { file: options.config }),
    set: options.set,
    env: process.env,
    allowAnonymous: options.allowAnonymous,
  })
  if (isConfigProblems(config)) {
    for (const { message } of config) process.stderr.write(`millrace: ${message}\n`)
    return 2
  }
  const logger = loggerOf(config)
  for (const note of config.notes) logger.info(note)
  try {
    return await run(config, logger, options)
  } catch (error) {
    logger.error(explain(error))
    return 1
  }
}

async function run(config: BrokerConfig, logger: Logger, options: ServeOptions): Promise<number> {
  const startedMs = performance.now()
  const signal = nextSignal()
  const broker = await startBroker({ config, engine: openEngine(options), logger })
  const listeners = [...broker.ports].map(([name, port]) => `${name}:${port}`).join(', ')
  logger.info('broker is ready', {
    listeners,
    clusterId: broker.clusterId,
    startMs: Math.round(performance.now() - startedMs),
  })
  logger.info('stopping', { signal: await signal })
  await broker.stop()
  logger.info('stopped')
  return 0
}

function openEngine(_options: ServeOptions): StorageEngine {
  return openMemoryEngine({ catalog: openMemoryCatalog(), clock: systemClock })
}

function nextSignal(): Promise<string> {
  return new Promise(resolve => {
    for (const name of ['SIGTERM', 'SIGINT'] as const) process.once(name, () => resolve(name))
  })
}

function loggerOf(config: BrokerConfig): Logger {
  const level = config.logLevel
  if (config.logFormat === 'auto') return systemLogger(level)
  return createLogger({
    level,
    format: config.logFormat === 'json' ? 'json' : 'text',
    write: line => process.stderr.write(line),
  })
}

/** One sentence for the operator; a stack only for what is a bug of ours. */
function explain(error: unknown): string {
  if (error instanceof StorageError) return error.message
  const { code, address, port } = error as NodeJS.ErrnoException & { address?: string; port?: number }
  if (code === 'EADDRINUSE')
    return `port ${port} on ${address} is taken: stop what listens there, or set another listeners=…`
  if (code === 'EADDRNOTAVAIL') return `${address} is not an address of this machine: set another listeners=…`
  if (code === 'EACCES') return `may not listen on port ${port}: ports below 1024 need privileges`
  return error instanceof Error ? (error.stack ?? error.message) : String(error)
}
