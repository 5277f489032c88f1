import {
  DescribeConfigs,
  type DescribeConfigsRequest,
  type DescribeConfigsResponseInput,
  type ErrorName,
  errorCode,
} from '@millrace/protocol'
import type { DescribedConfig } from '../config/broker-config.ts'
import { documentationOf } from '../config/config-documentation.ts'
import { describeResource } from '../metadata/config-describer.ts'
import { configResourceType, refuseConfigAccess } from '../metadata/config-resources.ts'
import { isRefusal } from '../metadata/topic-admin.ts'
import { handler } from '../server/handler.ts'
import type { RequestContext } from '../server/request-context.ts'
import type { Services } from '../services.ts'

type ResourceRequest = DescribeConfigsRequest['resources'][number]
type ResourceAnswer = DescribeConfigsResponseInput['results'][number]

/** Entries in one answer. A short request may name many groups and so ask for far more than it weighs; 11,000 topics fit. */
const ENTRIES_MAX = 400_000

export const describeConfigs = handler(DescribeConfigs, (services, request, cx) => {
  const results: ResourceAnswer[] = []
  // Kafka refuses the whole request for one unknown type.
  if (request.resources.some(({ resourceType }) => configResourceType(resourceType) === undefined))
    return {
      throttleTimeMs: 0,
      results: request.resources.map(asked => refused(asked, 'INVALID_REQUEST', 'Unexpected resource type')),
    }
  let entries = 0
  for (const asked of distinct(request.resources)) {
    const answered: ResourceAnswer =
      entries < ENTRIES_MAX
        ? answer(services, asked, request, cx)
        : refused(asked, 'INVALID_REQUEST', 'Too many configurations were asked for at once')
    entries += answered.configs.length
    results.push(answered)
  }
  return { throttleTimeMs: 0, results }
})

/** The same question is answered once. */
function distinct(resources: readonly ResourceRequest[]): Iterable<ResourceRequest> {
  const byQuestion = new Map<string, ResourceRequest>()
  for (const asked of resources)
    byQuestion.set(JSON.stringify([asked.resourceType, asked.resourceName, asked.configurationKeys]), asked)
  return byQuestion.values()
}

function answer(
  services: Services,
  asked: ResourceRequest,
  request: DescribeConfigsRequest,
  cx: RequestContext,
): ResourceAnswer {
  const { resourceType, resourceName, configurationKeys } = asked
  const type = configResourceType(resourceType)!
  const forbidden = refuseConfigAccess(cx, 'DESCRIBE_CONFIGS', type, resourceName)
  if (forbidden !== undefined) return refused(asked, forbidden, '')
  const described = describeResource(services, type, resourceName)
  if (isRefusal(described)) return refused(asked, described.error, described.message)
  const keys = configurationKeys === null || configurationKeys.length === 0 ? undefined : new Set(configurationKeys)
  return {
    errorCode: 0,
    errorMessage: '',
    resourceType,
    resourceName,
    configs: described.filter(({ name }) => keys === undefined || keys.has(name)).map(config => entry(config, request)),
  }
}

function entry(config: DescribedConfig, request: DescribeConfigsRequest): ResourceAnswer['configs'][number] {
  return {
    name: config.name,
    value: config.value,
    readOnly: config.isReadOnly,
    configSource: config.source,
    isSensitive: config.isSensitive,
    synonyms: request.includeSynonyms ? config.synonyms : [],
    configType: config.type,
    documentation: request.includeDocumentation ? documentationOf(config.name) : null,
  }
}

const refused = (
  { resourceType, resourceName }: ResourceRequest,
  error: ErrorName,
  errorMessage: string,
): ResourceAnswer => ({ errorCode: errorCode(error), errorMessage, resourceType, resourceName, configs: [] })
