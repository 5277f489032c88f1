import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { configDef, parseConfig } from './config-def.ts'
import { brokerDefs, clientMetricsDefs, groupDefs, topicDefs } from './config-defs.ts'

const topic = (name: string, raw: string) => parseConfig(topicDefs.get(name)!, raw)
const broker = (name: string, raw: string) => parseConfig(brokerDefs.get(name)!, raw)
const messageOf = (parsed: ReturnType<typeof parseConfig>) => (parsed.ok ? undefined : parsed.message)
const textOf = (parsed: ReturnType<typeof parseConfig>) => (parsed.ok ? parsed.text : undefined)

// Answers of Apache Kafka 4.3.1 to CreateTopics with one configuration each.
const refusals: readonly (readonly [name: string, raw: string, message: string])[] = [
  ['segment.bytes', '1', 'Invalid value 1 for configuration segment.bytes: Value must be at least 1048576'],
  ['segment.bytes', 'abc', 'Invalid value abc for configuration segment.bytes: Not a number of type INT'],
  [
    'segment.bytes',
    '99999999999',
    'Invalid value 99999999999 for configuration segment.bytes: Not a number of type INT',
  ],
  ['segment.bytes', '', 'Invalid value  for configuration segment.bytes: Not a number of type INT'],
  ['segment.bytes', '2_097_152', 'Invalid value 2_097_152 for configuration segment.bytes: Not a number of type INT'],
  ['retention.ms', '-2', 'Invalid value -2 for configuration retention.ms: Value must be at least -1'],
  [
    'retention.ms',
    '9223372036854775808',
    'Invalid value 9223372036854775808 for configuration retention.ms: Not a number of type LONG',
  ],
  ['retention.ms', '1.5', 'Invalid value 1.5 for configuration retention.ms: Not a number of type LONG'],
  [
    'cleanup.policy',
    'foo',
    'Invalid value foo for configuration cleanup.policy: String must be one of: compact, delete',
  ],
  ['cleanup.policy', 'compact,', "Configuration 'cleanup.policy' values must not be empty."],
  [
    'compression.type',
    'lzma',
    'Invalid value lzma for configuration compression.type: String must be one of: uncompressed, zstd, lz4, snappy, gzip, producer',
  ],
  [
    'compression.gzip.level',
    '0',
    'Invalid value 0 for configuration compression.gzip.level: Value must be between 1 and 9 or equal to -1',
  ],
  [
    'compression.lz4.level',
    '18',
    'Invalid value 18 for configuration compression.lz4.level: Value must be no more than 17',
  ],
  [
    'compression.zstd.level',
    '23',
    'Invalid value 23 for configuration compression.zstd.level: Value must be no more than 22',
  ],
  [
    'min.cleanable.dirty.ratio',
    '2',
    'Invalid value 2.0 for configuration min.cleanable.dirty.ratio: Value must be no more than 1',
  ],
  [
    'min.cleanable.dirty.ratio',
    'abc',
    'Invalid value abc for configuration min.cleanable.dirty.ratio: Not a number of type DOUBLE',
  ],
  ['preallocate', 'yes', 'Invalid value yes for configuration preallocate: Expected value to be either true or false'],
]

for (const [name, raw, message] of refusals) {
  test(`${name}=${raw} is refused in Kafka's words`, () => assert.equal(messageOf(topic(name, raw)), message))
}

test('blanks, signs and case are forgiven, and the text becomes canonical', () => {
  assert.equal(textOf(topic('segment.bytes', ' +2097152 ')), '2097152')
  assert.equal(textOf(topic('preallocate', 'TRUE')), 'true')
  assert.equal(textOf(topic('cleanup.policy', 'compact , delete')), 'compact,delete')
  assert.equal(textOf(topic('cleanup.policy', '')), '')
  assert.equal(textOf(topic('min.cleanable.dirty.ratio', '0.50d')), '0.5')
  assert.equal(textOf(topic('min.cleanable.dirty.ratio', '1')), '1.0')
  assert.equal(textOf(topic('min.cleanable.dirty.ratio', '1e-5')), '1.0E-5')
})

test('a long beyond 2^53 keeps its text and is clamped for use', () => {
  const parsed = topic('flush.messages', '9223372036854775807')
  assert.deepEqual(parsed, { ok: true, text: '9223372036854775807', value: Number.MAX_SAFE_INTEGER })
})

test('a list drops repeats, and what may not be empty says so', () => {
  assert.equal(textOf(broker('log.dirs', 'a,b,a')), 'a,b')
  const nothing = "Configuration 'log.dirs' must not be empty. Valid values include: any non-empty value"
  assert.equal(messageOf(broker('log.dirs', ' ')), nothing)
  assert.equal(messageOf(broker('log.dirs', 'a,')), "Configuration 'log.dirs' values must not be empty.")
  assert.equal(
    messageOf(broker('process.roles', '')),
    "Configuration 'process.roles' must not be empty. Valid values include: [broker, controller]",
  )
  assert.equal(textOf(broker('config.providers', '')), '')
})

test('words are compared by case, except where Kafka does not', () => {
  assert.equal(textOf(broker('group.consumer.migration.policy', 'Upgrade')), 'Upgrade')
  assert.equal(
    messageOf(broker('group.consumer.migration.policy', 'x')),
    'Invalid value x for configuration group.consumer.migration.policy: String must be one of (case insensitive): DISABLED, DOWNGRADE, UPGRADE, BIDIRECTIONAL',
  )
  assert.match(messageOf(broker('ssl.client.auth', 'Required'))!, /String must be one of: required, requested, none$/)
})

test('every default of every table is canonical and legal', () => {
  for (const defs of [brokerDefs, topicDefs, groupDefs, clientMetricsDefs]) {
    for (const def of defs.values()) {
      if (def.defaultText === null) continue
      const parsed = parseConfig(def, def.defaultText)
      assert.equal(parsed.ok ? parsed.text : parsed.message, def.defaultText, def.name)
    }
  }
})

test('canonical texts parse to themselves, and no input breaks the parser', () => {
  const types = ['BOOLEAN', 'STRING', 'INT', 'SHORT', 'LONG', 'DOUBLE', 'LIST', 'CLASS', 'PASSWORD']
  fc.assert(
    fc.property(
      fc.constantFrom(...types),
      fc.oneof(fc.string(), fc.double().map(String), fc.bigInt().map(String)),
      (type, raw) => {
        const def = configDef({ name: 'x', type, default: null })
        const once = parseConfig(def, raw)
        if (once.ok) assert.deepEqual(parseConfig(def, once.text), once)
      },
    ),
    { seed: 20261, numRuns: 2000 },
  )
})
