/**
 * Changes the configurations of topics, brokers, groups and client metrics. What a resource will have is planned against what it has now, so the requests run one
 * after the other; the resources of one request are planned and written together.
 */
import { type Catalog, type CatalogChange, CatalogError, type ConfigResource } from '@millrace/storage'
import type { BrokerConfig, DynamicScope } from '../config/broker-config.ts'
import { alterClientMetricsConfigs } from '../config/client-metrics-config.ts'
import {
  type ConfigOperation,
  type ConfigOverrides,
  type ConfigRefusal,
  isConfigRefusal,
} from '../config/config-operations.ts'
import { alterGroupConfigs } from '../config/group-config.ts'
import { alterTopicConfigs } from '../config/topic-config.ts'
import type { ClusterImage } from './cluster-image.ts'
import { refuseTopicName } from './topic.ts'
import type { Refusal } from './topic-admin.ts'

export interface ConfigAlteration {
  readonly resource: ConfigResource
  readonly resourceName: string
  /** Single changes, or everything that is to be set, with which the rest goes back to its default. */
  readonly operations: readonly ConfigOperation[] | { readonly replaceBy: readonly ConfigEntry[] }
}

export interface ConfigEntry {
  readonly name: string
  readonly value: string | null
}

export class ConfigAdmin {
  readonly #image: ClusterImage
  readonly #catalog: Catalog
  readonly #config: BrokerConfig
  #last: Promise<unknown> = Promise.resolve()

  constructor(options: { image: ClusterImage; catalog: Catalog; config: BrokerConfig }) {
    this.#image = options.image
    this.#catalog = options.catalog
    this.#config = options.config
  }

  /** Each is done or refused on its own; the answers are in the order of the alterations. */
  alter(
    alterations: readonly ConfigAlteration[],
    { validateOnly }: { readonly validateOnly: boolean },
  ): Promise<readonly (Refusal | undefined)[]> {
    const done = this.#last.then(() =>
      Promise.all(
        alterations.map(alteration => {
          const changes = this.#plan(alteration)
          if ('error' in changes) return changes
          return validateOnly || changes.length === 0 ? undefined : this.#write(changes)
        }),
      ),
    )
    this.#last = done.catch(() => undefined)
    return done
  }

  #plan({ resource, resourceName, operations }: ConfigAlteration): readonly CatalogChange[] | Refusal {
    const current = this.#current(resource, resourceName)
    if ('error' in current) return current
    const next = this.#next(
      resource,
      resourceName,
      current,
      'replaceBy' in operations ? replacing(current, operations.replaceBy) : operations,
    )
    if (isConfigRefusal(next)) return next
    const names = new Set([...current.keys(), ...next.keys()])
    return [...names]
      .filter(name => current.get(name) !== next.get(name))
      .map(name => ({ kind: 'setConfig', resource, resourceName, name, value: next.get(name) ?? null }))
  }

  #current(resource: ConfigResource, name: string): ConfigOverrides | Refusal {
    switch (resource) {
      case 'topic': {
        if (name === '') return { error: 'INVALID_REQUEST', message: 'Default topic resources are not allowed.' }
        const badName = refuseTopicName(name)
        if (badName !== undefined) return { error: 'INVALID_TOPIC_EXCEPTION', message: badName }
        const topic = this.#image.topic(name)
        return (
          topic?.overrides ?? { error: 'UNKNOWN_TOPIC_OR_PARTITION', message: `The topic '${name}' does not exist.` }
        )
      }
      case 'broker': {
        const bad = name === '' ? undefined : refuseNodeId(name, this.#config.nodeId)
        return bad === undefined ? this.#config.dynamic(scopeOf(name)) : { error: 'INVALID_REQUEST', message: bad }
      }
      case 'group':
        return name === ''
          ? { error: 'INVALID_REQUEST', message: 'Default group resources are not allowed.' }
          : this.#image.overridesOf('group', name)
      case 'client-metrics':
        return name === ''
          ? { error: 'INVALID_REQUEST', message: `Subscription name can't be empty` }
          : this.#image.overridesOf('client-metrics', name)
      default:
        return resource satisfies never
    }
  }

  #next(
    resource: ConfigResource,
    name: string,
    current: ConfigOverrides,
    operations: readonly ConfigOperation[],
  ): ConfigOverrides | ConfigRefusal {
    switch (resource) {
      case 'topic':
        return alterTopicConfigs(current, operations)
      case 'broker':
        return this.#config.planDynamic(scopeOf(name), operations)
      case 'group':
        return alterGroupConfigs(current, operations, this.#config)
      case 'client-metrics':
        return alterClientMetricsConfigs(current, operations)
      default:
        return resource satisfies never
    }
  }

  async #write(changes: readonly CatalogChange[]): Promise<Refusal | undefined> {
    try {
      await this.#catalog.write(changes)
      await this.#image.settled()
      return undefined
    } catch (error) {
      if (!(error instanceof CatalogError)) throw error
      if (error.code === 'NOT_FOUND') return { error: 'UNKNOWN_TOPIC_OR_PARTITION', message: error.message }
      return { error: 'KAFKA_STORAGE_ERROR', message: error.message }
    }
  }
}

const scopeOf = (brokerName: string): DynamicScope => (brokerName === '' ? 'cluster' : 'broker')

function refuseNodeId(name: string, nodeId: number): string | undefined {
  if (!/^[+-]?\d{1,10}$/.test(name)) return `Node id must be an integer, but it is: ${name}`
  return Number(name) === nodeId ? undefined : `Unexpected broker id, expected ${nodeId}, but received ${name}`
}

function replacing(current: ConfigOverrides, entries: readonly ConfigEntry[]): readonly ConfigOperation[] {
  const named = new Set(entries.map(({ name }) => name))
  const sets = entries.map(({ name, value }): ConfigOperation => ({ operation: 'SET', name, value }))
  const deletes = [...current.keys()]
    .filter(name => !named.has(name))
    .map((name): ConfigOperation => ({ operation: 'DELETE', name, value: null }))
  return [...sets, ...deletes]
}
