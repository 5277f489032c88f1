/** What AlterConfigs and IncrementalAlterConfigs have in common: who may, what is asked twice, and the answers in the order of the request. */
import { type ErrorName, errorCode } from '@millrace/protocol'
import type { ConfigAlteration } from '../metadata/config-admin.ts'
import { configResourceType, refuseConfigAccess } from '../metadata/config-resources.ts'
import type { Refusal } from '../metadata/topic-admin.ts'
import type { RequestContext } from '../server/request-context.ts'
import type { Services } from '../services.ts'

interface ResourceRequest {
  readonly resourceType: number
  readonly resourceName: string
}

interface ResourceAnswer extends ResourceRequest {
  readonly errorCode: number
  readonly errorMessage: string | null
}

type Operations = ConfigAlteration['operations']

export async function answerAlterations<Asked extends ResourceRequest>(
  services: Services,
  request: { readonly resources: readonly Asked[]; readonly validateOnly: boolean },
  cx: RequestContext,
  operationsOf: (asked: Asked) => Operations | Refusal,
): Promise<ResourceAnswer[]> {
  const { resources, validateOnly } = request
  const times = new Map<string, number>()
  for (const asked of resources) times.set(keyOf(asked), (times.get(keyOf(asked)) ?? 0) + 1)
  const outcomes: (ResourceAnswer | undefined)[] = []
  const alterations: ConfigAlteration[] = []
  for (const asked of resources) {
    const repeated = times.get(keyOf(asked)) !== 1
    const ready = repeated
      ? refused(asked, 'INVALID_REQUEST', 'Each resource must appear at most once.')
      : prepare(asked, cx, operationsOf)
    if ('errorCode' in ready) outcomes.push(ready)
    else {
      outcomes.push(undefined)
      alterations.push(ready)
    }
  }
  const altered = (await services.configs.alter(alterations, { validateOnly })).values()
  return outcomes.map((outcome, i) => outcome ?? answered(resources[i]!, altered.next().value))
}

const keyOf = ({ resourceType, resourceName }: ResourceRequest): string => `${resourceType}:${resourceName}`

function prepare<Asked extends ResourceRequest>(
  asked: Asked,
  cx: RequestContext,
  operationsOf: (asked: Asked) => Operations | Refusal,
): ConfigAlteration | ResourceAnswer {
  const { resourceType, resourceName } = asked
  const resource = configResourceType(resourceType)
  if (resource === undefined) return refused(asked, 'INVALID_REQUEST', `Unknown resource type ${resourceType}`)
  const forbidden = refuseConfigAccess(cx, 'ALTER_CONFIGS', resource, resourceName)
  if (forbidden !== undefined) return refused(asked, forbidden, null)
  if (resource === 'broker-logger')
    return refused(asked, 'INVALID_REQUEST', 'The log level is set when the broker starts, by millrace.log.level')
  const operations = operationsOf(asked)
  if ('error' in operations) return refused(asked, operations.error, operations.message)
  return { resource, resourceName, operations }
}

function answered({ resourceType, resourceName }: ResourceRequest, refusal: Refusal | undefined): ResourceAnswer {
  if (refusal !== undefined) return refused({ resourceType, resourceName }, refusal.error, refusal.message)
  return { errorCode: 0, errorMessage: null, resourceType, resourceName }
}

const refused = (
  { resourceType, resourceName }: ResourceRequest,
  error: ErrorName,
  errorMessage: string | null,
): ResourceAnswer => ({ errorCode: errorCode(error), errorMessage, resourceType, resourceName })
