/** Holds every definition against what Apache Kafka's own classes encode; vectors/README.md says where the vectors come from. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { gunzipSync } from 'node:zlib'
import type { Api, Message } from '../schema/api.ts'
import type { NamedField, StructType, Type } from '../schema/field.ts'
import { readStruct, writeStruct } from '../schema/interpret.ts'
import { responseHeaderIsFlexible } from '../wire/header.ts'
import { MalformedError } from '../wire/malformed.ts'
import { Reader } from '../wire/reader.ts'
import { Writer } from '../wire/writer.ts'
import { apis } from './all.ts'
import { ConsumerProtocolAssignment, ConsumerProtocolSubscription } from './consumer-protocol.ts'
import { GroupMetadataValue } from './group-metadata.ts'

interface Facts {
  readonly api: string
  readonly key: number
  readonly first: number
  readonly last: number
  readonly flexible: number
  readonly flexibleResponseHeader: number
}

interface Vector {
  readonly message: string
  readonly version: number
  readonly kind?: 'skipsUnknownTags' | 'unsafeLong'
  readonly value: Values
  readonly bytes: string
}

type Values = Readonly<Record<string, unknown>>
type AnyMessage = Message<Values, Values>

const lines = gunzipSync(readFileSync(new URL('../../vectors/vectors.jsonl.gz', import.meta.url)))
  .toString('utf8')
  .trimEnd()
  .split('\n')
  .map(line => JSON.parse(line) as Facts | Vector)
const facts = new Map(lines.filter(line => 'api' in line).map(line => [line.key, line]))
const vectors = Map.groupBy(
  lines.filter(line => 'message' in line),
  vector => vector.message,
)

const messages = new Map<string, AnyMessage>(
  apis.flatMap((api): [string, AnyMessage][] => [
    [`${api.name}Request`, api.request as unknown as AnyMessage],
    [`${api.name}Response`, api.response as unknown as AnyMessage],
  ]),
)
messages.set('ConsumerProtocolSubscription', ConsumerProtocolSubscription as unknown as AnyMessage)
messages.set('ConsumerProtocolAssignment', ConsumerProtocolAssignment as unknown as AnyMessage)
messages.set('GroupMetadataValue', GroupMetadataValue as unknown as AnyMessage)

/** The converters leave out what the version lacks and tagged fields at their defaults; both are at their defaults with us. */
function structOf(type: StructType, json: Values): Values {
  const known = new Set(type.fields.map(f => f.name))
  for (const name of Object.keys(json)) assert.ok(known.has(name), `${name} is not in our definition`)
  return Object.fromEntries(type.fields.map(f => [f.name, fieldOf(f, json[f.name])]))
}

const fieldOf = (f: NamedField, json: unknown): unknown => (json === undefined ? f.zero : partOf(f.type, json))

function partOf(type: Type, json: unknown): unknown {
  if (json === null) return null
  switch (type.kind) {
    case 'struct':
      return structOf(type, json as Values)
    case 'array':
      return (json as unknown[]).map(element => partOf(type.of, element))
    case 'bytes':
      return Buffer.from(json as string, 'base64')
    case 'records':
      return [Buffer.from(json as string, 'base64')]
    case 'position':
      return Math.min(json as number, Number.MAX_SAFE_INTEGER)
    default:
      return json
  }
}

const holdsUnsafe = (value: unknown): boolean =>
  typeof value === 'number'
    ? Number.isInteger(value) && !Number.isSafeInteger(value)
    : typeof value === 'object' && value !== null && !Buffer.isBuffer(value) && Object.values(value).some(holdsUnsafe)

function check(message: AnyMessage, vector: Vector): void {
  const { version } = vector
  const at = message.at(version)
  const bytes = Buffer.from(vector.bytes, 'hex')
  const value = structOf(message.type, vector.value)
  if (vector.kind === 'unsafeLong' && holdsUnsafe(value)) {
    assert.throws(() => message.decode(bytes, version), MalformedError)
    assert.throws(() => readStruct(new Reader(bytes), message.type, at), MalformedError)
    return
  }
  assert.deepEqual(message.decode(bytes, version), value)
  assert.deepEqual(readStruct(new Reader(bytes), message.type, at), value)
  if (vector.kind !== undefined) return
  assert.equal(message.encode(value, version).toString('hex'), vector.bytes)
  const reference = new Writer()
  writeStruct(reference, message.type, at, value)
  assert.equal(reference.finish().toString('hex'), vector.bytes)
}

for (const [name, message] of messages)
  test(`${name} reads and writes as Kafka does, in every version`, () => {
    const own = vectors.get(name) ?? []
    for (const [i, vector] of own.entries())
      try {
        check(message, vector)
      } catch (cause) {
        throw new Error(`version ${vector.version}, vector ${i}${vector.kind ? ` (${vector.kind})` : ''}`, { cause })
      }
    const versions = new Set(own.map(vector => vector.version))
    const api = apis.find(a => name === `${a.name}Request` || name === `${a.name}Response`)
    if (api !== undefined)
      for (let version = api.versions[0]; version <= api.versions[1]; version++)
        assert.ok(versions.has(version), `version ${version} has vectors`)
    assert.ok(own.length > 0)
  })

for (const api of apis as readonly Pick<
  Api<unknown, unknown, unknown, unknown>,
  'name' | 'key' | 'versions' | 'flexible'
>[])
  test(`${api.name} has the key, the versions and the headers of Kafka`, () => {
    const expected = facts.get(api.key)
    const headers = [...Array(api.versions[1] + 1).keys()]
      .slice(api.versions[0])
      .find(version => responseHeaderIsFlexible(api.key, version >= api.flexible))
    const actual = {
      api: api.name,
      key: api.key,
      first: api.versions[0],
      last: api.versions[1],
      flexible: api.flexible > api.versions[1] ? -1 : Math.max(api.flexible, api.versions[0]),
      flexibleResponseHeader: headers ?? -1,
    }
    assert.deepEqual(actual, expected)
  })
