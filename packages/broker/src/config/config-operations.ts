// IncrementalAlterConfigs and AlterConfigs on one resource: from what is set now to what will be set, or a refusal.
// Whether the values are legal is the resource's own matter and comes after.
import type { ConfigDef } from './config-def.ts'

export type ConfigOperationType = 'SET' | 'DELETE' | 'APPEND' | 'SUBTRACT'

export interface ConfigOperation {
  readonly operation: ConfigOperationType
  readonly name: string
  readonly value: string | null
}

export interface ConfigRefusal {
  readonly error: 'INVALID_CONFIG' | 'INVALID_REQUEST'
  readonly message: string
}

export type ConfigOverrides = ReadonlyMap<string, string>

/** The operation behind its number on the wire. */
export const configOperationType = (code: number): ConfigOperationType | undefined =>
  (['SET', 'DELETE', 'APPEND', 'SUBTRACT'] as const)[code]

export const isConfigRefusal = (outcome: ConfigOverrides | ConfigRefusal): outcome is ConfigRefusal =>
  'error' in outcome

export interface OperationRules {
  readonly defOf: (name: string) => ConfigDef | undefined
  /** What a list operation on something that is no list is told. */
  readonly notAList: (operation: 'APPEND' | 'SUBTRACT', name: string) => string
}

export function applyOperations(
  current: ConfigOverrides,
  operations: readonly ConfigOperation[],
  rules: OperationRules,
): ConfigOverrides | ConfigRefusal {
  const refusal = refuseEntries(
    operations.filter(({ operation }) => operation !== 'DELETE'),
    operations,
  )
  if (refusal) return refusal
  const next = new Map(current)
  for (const { operation, name, value } of operations) {
    if (operation === 'DELETE') {
      next.delete(name)
    } else if (operation === 'SET') {
      next.set(name, value!)
    } else {
      const def = rules.defOf(name)
      if (def?.type !== 'LIST') return { error: 'INVALID_CONFIG', message: rules.notAList(operation, name) }
      // The base of an unset list is the definition's default, never the broker's own value: so it is in Kafka.
      next.set(name, changedList(next.get(name) ?? def.defaultText ?? '', operation, value!))
    }
  }
  return next
}

/** AlterConfigs: what is not named goes back to its default. */
export function replacedOverrides(
  entries: readonly { readonly name: string; readonly value: string | null }[],
): ConfigOverrides | ConfigRefusal {
  return refuseEntries(entries, entries) ?? new Map(entries.map(({ name, value }) => [name, value!]))
}

type Entry = { readonly name: string; readonly value: string | null }

function refuseEntries(withValues: readonly Entry[], all: readonly Entry[]): ConfigRefusal | undefined {
  if (new Set(all.map(({ name }) => name)).size < all.length) {
    return { error: 'INVALID_REQUEST', message: 'Error due to duplicate config keys' }
  }
  const nulls = withValues.filter(({ value }) => value === null).map(({ name }) => name)
  if (nulls.length === 0) return undefined
  return { error: 'INVALID_REQUEST', message: `Null value not supported for : ${nulls.join(', ')}` }
}

/** Items are taken as they stand between commas, blanks included, as Kafka does; the parser trims them later. */
function changedList(base: string, operation: 'APPEND' | 'SUBTRACT', value: string): string {
  const items = base.split(',').filter(item => item !== '')
  for (const item of value.split(',')) {
    const at = items.indexOf(item)
    if (operation === 'APPEND' && at < 0 && item !== '') items.push(item)
    if (operation === 'SUBTRACT' && at >= 0) items.splice(at, 1)
  }
  return items.join(',')
}
