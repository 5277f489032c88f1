import { type Logger, standardErrorLogger, systemLogger } from '@millrace/base'
import type { BrokerConfig } from '@millrace/broker'

export function loggerOf({ logLevel: level, logFormat: format }: BrokerConfig): Logger {
  if (format === 'auto') return systemLogger(level)
  return standardErrorLogger(level, format === 'json' ? 'json' : 'text')
}
