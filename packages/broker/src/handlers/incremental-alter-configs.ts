import { IncrementalAlterConfigs } from '@millrace/protocol'
import { type ConfigOperation, configOperationType } from '../config/config-operations.ts'
import type { Refusal } from '../metadata/topic-admin.ts'
import { handler } from '../server/handler.ts'
import { answerAlterations } from './config-alterations.ts'

export const incrementalAlterConfigs = handler(IncrementalAlterConfigs, async (services, request, cx) => ({
  throttleTimeMs: 0,
  responses: await answerAlterations(services, request, cx, ({ configs }) => operationsOf(configs)),
}))

interface WireOperation {
  readonly name: string
  readonly configOperation: number
  readonly value: string | null
}

function operationsOf(configs: readonly WireOperation[]): readonly ConfigOperation[] | Refusal {
  const operations: ConfigOperation[] = []
  for (const { name, configOperation, value } of configs) {
    const operation = configOperationType(configOperation)
    if (operation === undefined)
      return { error: 'INVALID_REQUEST', message: `Unknown operation ${configOperation} for configuration ${name}` }
    operations.push({ operation, name, value })
  }
  return operations
}
