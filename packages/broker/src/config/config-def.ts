// What a configuration may hold: Kafka's nine value types, its ranges, and the sentences it refuses a value with.
// Every value has one canonical text (what DescribeConfigs sends) and one value for use. A LONG beyond 2^53 keeps its
// text exactly; its number is clamped to the safe integers, which no duration or size here can reach.

export type ConfigType = 'BOOLEAN' | 'STRING' | 'INT' | 'SHORT' | 'LONG' | 'DOUBLE' | 'LIST' | 'CLASS' | 'PASSWORD'

/** Numbers of the types in DescribeConfigs; 0 is "unknown", for names that no definition covers. */
export const configTypeCode: Readonly<Record<ConfigType, number>> = {
  BOOLEAN: 1,
  STRING: 2,
  INT: 3,
  SHORT: 4,
  LONG: 5,
  DOUBLE: 6,
  LIST: 7,
  CLASS: 8,
  PASSWORD: 9,
}

/** Numbers of the sources in DescribeConfigs. */
export const configSource = {
  topic: 1,
  dynamicBroker: 2,
  dynamicCluster: 3,
  static: 4,
  default: 5,
  brokerLogger: 6,
  clientMetrics: 7,
  group: 8,
} as const
export type ConfigSource = (typeof configSource)[keyof typeof configSource]

export type UpdateMode = 'read-only' | 'per-broker' | 'cluster-wide'
export type ConfigValue = boolean | number | string | readonly string[]

export interface ConfigDef {
  readonly name: string
  readonly type: ConfigType
  /** Canonical text; null means that there is none. */
  readonly defaultText: string | null
  readonly update: UpdateMode
  /** Names of the broker configurations that give a topic or group configuration its value, in order of precedence. */
  readonly synonyms: readonly string[]
  /** Kafka knows it and accepts it, and never shows it. */
  readonly isInternal: boolean
  /** Repeats in a list are dropped before it is looked at. */
  readonly dropsRepeats: boolean
  /** The reason why a parsed value is refused, if it is: without name and value. */
  readonly refuse: (value: ConfigValue, text: string) => string | undefined
}

export interface ConfigDefRow {
  readonly name: string
  readonly type: string
  readonly default: string | null
  readonly accepts?: string
  readonly update?: string
  readonly synonyms?: readonly string[]
  readonly internal?: boolean
}

export type ParsedConfig =
  | { readonly ok: true; readonly value: ConfigValue; readonly text: string }
  | { readonly ok: false; readonly message: string }

export function configDef(row: ConfigDefRow): ConfigDef {
  return {
    name: row.name,
    type: row.type as ConfigType,
    defaultText: row.default,
    update: (row.update ?? 'read-only') as UpdateMode,
    synonyms: row.synonyms ?? [],
    isInternal: row.internal ?? false,
    dropsRepeats: row.type === 'LIST' && row.accepts !== undefined,
    refuse: refusalFor(row.accepts ?? ''),
  }
}

export const configDefs = (rows: readonly ConfigDefRow[]): ReadonlyMap<string, ConfigDef> =>
  new Map(rows.map(row => [row.name, configDef(row)]))

export function parseConfig(def: ConfigDef, raw: string): ParsedConfig {
  const parsed = def.dropsRepeats ? parseList([...new Set(itemsOf(raw))]) : parseType(def.type, raw)
  if ('reason' in parsed) return { ok: false, message: invalidValue(def.name, raw, parsed.reason) }
  const reason = def.refuse(parsed.value, parsed.text)
  if (reason === undefined) return { ok: true, ...parsed }
  // Kafka's list validators name the configuration themselves, in place of the usual opening.
  const message =
    reason.startsWith('values ') || reason.startsWith('must ') ? `Configuration '${def.name}' ${reason}` : ''
  return { ok: false, message: message || invalidValue(def.name, faulty(def, parsed, reason), reason) }
}

export const invalidValue = (name: string, value: string, reason: string): string =>
  `Invalid value ${value} for configuration ${name}: ${reason}`

/** The value of a text that was parsed before: canonical texts and defaults always parse. */
export function valueOfText(def: ConfigDef, text: string | null): ConfigValue | null {
  if (text === null) return null
  const parsed = parseType(def.type, text)
  return 'reason' in parsed ? null : parsed.value
}

type Parsed = { readonly value: ConfigValue; readonly text: string } | { readonly reason: string }

function parseType(type: ConfigType, raw: string): Parsed {
  const trimmed = raw.trim()
  switch (type) {
    case 'BOOLEAN': {
      const lower = trimmed.toLowerCase()
      if (lower === 'true' || lower === 'false') return { value: lower === 'true', text: lower }
      return { reason: 'Expected value to be either true or false' }
    }
    case 'SHORT':
    case 'INT':
    case 'LONG':
      return parseInteger(type, trimmed)
    case 'DOUBLE':
      return parseDouble(trimmed)
    case 'LIST':
      return parseList(itemsOf(raw))
    case 'PASSWORD':
      return { value: raw, text: raw }
    case 'STRING':
    case 'CLASS':
      return { value: trimmed, text: trimmed }
  }
}

const itemsOf = (raw: string): readonly string[] => (raw.trim() === '' ? [] : raw.trim().split(/\s*,\s*/))
const parseList = (value: readonly string[]): Parsed => ({ value, text: value.join(',') })

const integerBits = { SHORT: 15n, INT: 31n, LONG: 63n } as const

function parseInteger(type: keyof typeof integerBits, trimmed: string): Parsed {
  // The length is bounded before BigInt sees it; leading zeros are legal, and nobody writes forty of them.
  if (!/^[+-]?\d{1,40}$/.test(trimmed)) return { reason: `Not a number of type ${type}` }
  const exact = BigInt(trimmed.replace(/^\+/, ''))
  const limit = 1n << integerBits[type]
  if (exact < -limit || exact >= limit) return { reason: `Not a number of type ${type}` }
  return { value: clampToSafe(exact), text: exact.toString() }
}

const clampToSafe = (exact: bigint): number =>
  Math.max(Number.MIN_SAFE_INTEGER, Math.min(Number.MAX_SAFE_INTEGER, Number(exact)))

function parseDouble(trimmed: string): Parsed {
  if (!/^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?[fFdD]?$/.test(trimmed)) return { reason: 'Not a number of type DOUBLE' }
  const value = Number(trimmed.replace(/[fFdD]$/, ''))
  return { value, text: doubleText(value) }
}

/** As Java prints a double: always with a point, and with an exponent outside 10^-3 to 10^7. */
function doubleText(value: number): string {
  if (!Number.isFinite(value)) return value > 0 ? 'Infinity' : '-Infinity'
  const size = Math.abs(value)
  if (size === 0 || (size >= 1e-3 && size < 1e7)) return Number.isInteger(value) ? `${value}.0` : String(value)
  const [mantissa = '', exponent = ''] = value.toExponential().split('e')
  return `${mantissa.includes('.') ? mantissa : `${mantissa}.0`}E${Number(exponent)}`
}

/** A list is shown whole, except that "not one of" points at the element. */
function faulty(def: ConfigDef, parsed: { value: ConfigValue; text: string }, reason: string): string {
  if (def.type !== 'LIST' || !Array.isArray(parsed.value)) return parsed.text
  const allowed = reason.match(/^String must be one of: (.*)$/)?.[1]?.split(', ')
  return parsed.value.find(item => allowed?.includes(item) === false) ?? `[${parsed.value.join(', ')}]`
}

type Refusal = ConfigDef['refuse']

/** Reads the `accepts` text of the data, once per definition. */
function refusalFor(accepts: string): Refusal {
  const [, some, words] = accepts.match(/^one (of|or more of|of \(case insensitive\)) ([^(]+)$/) ?? []
  if (words !== undefined) return refuseUnlessOneOf(words.split(', '), some!)
  const atLeast = accepts.match(/^>= (-?\d+)$/)?.[1]
  if (atLeast !== undefined) return refuseOutside(Number(atLeast), Infinity)
  const [, min, max, or] = accepts.match(/^(-?[\d.]+)\.\.(-?[\d.]+?)(?: or (-?\d+))?$/) ?? []
  if (min !== undefined && or !== undefined) return refuseOutsideExcept(Number(min), Number(max), Number(or))
  if (min !== undefined) return refuseOutside(Number(min), Number(max))
  if (accepts.startsWith('list')) return refuseEmptyItems(accepts.includes('may be empty'))
  return () => undefined
}

const refuseOutside =
  (min: number, max: number): Refusal =>
  value => {
    if (Number(value) < min) return `Value must be at least ${min}`
    return Number(value) > max ? `Value must be no more than ${max}` : undefined
  }

const refuseOutsideExcept =
  (min: number, max: number, except: number): Refusal =>
  value =>
    value === except || (Number(value) >= min && Number(value) <= max)
      ? undefined
      : `Value must be between ${min} and ${max} or equal to ${except}`

function refuseUnlessOneOf(words: readonly string[], some: string): Refusal {
  const shown = words.join(', ')
  const isFolded = some.endsWith('(case insensitive)')
  const fold = (text: string) => (isFolded ? text.toUpperCase() : text)
  return value => {
    const items = Array.isArray(value) ? value : [String(value)]
    if (items.length === 0 && some === 'or more of') return `must not be empty. Valid values include: [${shown}]`
    if (Array.isArray(value) && items.includes('')) return 'values must not be empty.'
    if (items.every(item => words.includes(fold(item)))) return undefined
    return `String must be one of${isFolded ? ' (case insensitive)' : ''}: ${shown}`
  }
}

const refuseEmptyItems =
  (mayBeEmpty: boolean): Refusal =>
  value => {
    const items = value as readonly string[]
    if (items.length === 0 && !mayBeEmpty) return 'must not be empty. Valid values include: any non-empty value'
    return items.includes('') ? 'values must not be empty.' : undefined
  }
