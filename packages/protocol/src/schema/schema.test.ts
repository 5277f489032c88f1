import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { apis } from '../apis/all.ts'
import { encodeMetadataPartitions, Metadata } from '../apis/metadata.ts'
import { Reader } from '../wire/reader.ts'
import { Writer } from '../wire/writer.ts'
import type { Message } from './api.ts'
import { isLive, isNullable, type NamedField, type StructType, type Type } from './field.ts'
import { readStruct, writeStruct } from './interpret.ts'

type Values = Record<string, unknown>

/** Random values of a message as the given version can carry them. */
function structOf(type: StructType, version: number, depth = 0): fc.Arbitrary<Values> {
  return fc.record(
    Object.fromEntries(
      type.fields.map(f => [f.name, isLive(f, version) ? fieldOf(f, version, depth) : fc.constant(f.zero)]),
    ),
    { noNullPrototype: true },
  )
}

function fieldOf(f: NamedField, version: number, depth: number): fc.Arbitrary<unknown> {
  const value = arbitraryOf(f.type, version, depth)
  return isNullable(f, version)
    ? fc.oneof({ weight: 4, arbitrary: value }, { weight: 1, arbitrary: fc.constant(null) })
    : value
}

const integer = (bits: number, signed: boolean): fc.Arbitrary<number> => {
  const top = 2 ** (signed ? bits - 1 : bits)
  return fc.oneof(
    fc.integer({ min: signed ? -top : 0, max: top - 1 }),
    fc.constantFrom(signed ? -top : 0, 0, 1, top - 1),
  )
}

const bytesOf = (): fc.Arbitrary<Buffer> => fc.uint8Array({ maxLength: 40 }).map(a => Buffer.from(a))

function arbitraryOf(type: Type, version: number, depth: number): fc.Arbitrary<unknown> {
  switch (type.kind) {
    case 'bool':
      return fc.boolean()
    case 'int8':
      return integer(8, true)
    case 'int16':
      return integer(16, true)
    case 'uint16':
      return integer(16, false)
    case 'int32':
      return integer(32, true)
    case 'uint32':
      return integer(32, false)
    case 'long':
    case 'position':
      return fc.maxSafeInteger()
    case 'float64':
      return fc.double({ noNaN: true })
    case 'uuid':
      return fc.uint8Array({ minLength: 16, maxLength: 16 }).map(a => Buffer.from(a).toString('base64url'))
    case 'string':
      return fc.string({ unit: 'grapheme', maxLength: 12 })
    case 'bytes':
      return bytesOf()
    case 'records':
      return fc.oneof(bytesOf(), fc.constant(Buffer.alloc(5000, 7))).map(b => [b])
    case 'array':
      return fc.array(arbitraryOf(type.of, version, depth + 1), { maxLength: depth > 1 ? 2 : 3 })
    case 'struct':
      return structOf(type, version, depth)
  }
}

const sides = apis.flatMap(api => [
  { api, side: 'request' as const, message: api.request as unknown as Message<Values, Values> },
  { api, side: 'response' as const, message: api.response as unknown as Message<Values, Values> },
])

for (const { api, side, message } of sides) {
  test(`${api.name} ${side}: every version round-trips, and generated code does as the interpreter does`, () => {
    for (let version = api.versions[0]; version <= api.versions[1]; version++) {
      const at = message.at(version)
      fc.assert(
        fc.property(structOf(message.type, version), value => {
          const encoded = message.encode(value, version)
          const reference = new Writer()
          writeStruct(reference, message.type, at, value)
          assert.deepEqual(encoded, reference.finish())
          assert.deepEqual(message.decode(encoded, version), value)
          assert.deepEqual(readStruct(new Reader(encoded), message.type, at), value)
        }),
        { numRuns: 25, seed: 20261124 },
      )
    }
  })
}

test('an array that was encoded before makes the same message as its elements, in its own version alone', () => {
  const element = { errorCode: 0, leaderId: 1, leaderEpoch: 2, replicaNodes: [1], isrNodes: [1], offlineReplicas: [] }
  for (let version = Metadata.versions[0]; version <= Metadata.versions[1]; version++)
    for (const count of [0, 1, 200]) {
      const elements = Array.from({ length: count }, (_, partitionIndex) => ({ ...element, partitionIndex }))
      const ready = encodeMetadataPartitions(elements, version)
      const topic = { errorCode: 0, name: 't' }
      const of = (partitions: typeof elements | typeof ready) => ({
        brokers: [],
        topics: [
          { ...topic, partitions },
          { ...topic, partitions },
        ],
      })
      assert.deepEqual(Metadata.response.encode(of(ready), version), Metadata.response.encode(of(elements), version))
      const reference = new Writer()
      writeStruct(reference, Metadata.response.type, Metadata.response.at(version), of(ready))
      assert.deepEqual(reference.finish(), Metadata.response.encode(of(elements), version))
      const other = version === 0 ? 1 : version - 1
      assert.throws(() => Metadata.response.encode(of(ready), other), RangeError)
    }
})
