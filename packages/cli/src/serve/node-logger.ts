import type { LogFields, Logger } from '@millrace/base'

/** Says in each line which node it is of. */
export function nodeLogger(logger: Logger, nodeId: number): Logger {
  const of = (fields?: LogFields): LogFields => ({ node: nodeId, ...fields })
  return {
    debug: (message, fields) => logger.debug(message, of(fields)),
    info: (message, fields) => logger.info(message, of(fields)),
    warn: (message, fields) => logger.warn(message, of(fields)),
    error: (message, fields) => logger.error(message, of(fields)),
  }
}
