import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { recordFromJson, recordToJson } from './json-record.ts'

const defaults = { topic: 't', keepPartition: true }

test('a record survives the way to JSON and back, whatever its bytes are', () => {
  const bytes = fc.option(
    fc.oneof(
      fc.uint8Array().map(Buffer.from),
      fc.string({ unit: 'binary' }).map(s => Buffer.from(s)),
    ),
  )
  const header = fc.record({ key: fc.string(), value: bytes }, { noNullPrototype: true })
  fc.assert(
    fc.property(bytes, bytes, fc.array(header, { maxLength: 4 }), (key, value, headers) => {
      const line = recordToJson({ topic: 't', partition: 2, offset: 5, timestamp: 1000, key, value, headers })
      assert.ok(!line.includes('\n'))
      const sent = recordFromJson(line, defaults)
      assert.deepEqual(sent, { topic: 't', partition: 2, timestamp: 1000, key, value, headers })
    }),
    { seed: 7, numRuns: 300 },
  )
})

test('what kcat writes is read', () => {
  const line =
    '{"topic":"x","partition":1,"offset":9,"tstype":"create","ts":77,"broker":1,"headers":["a","1","b",null],"key":"k","payload":"v"}'
  assert.deepEqual(recordFromJson(line, { topic: 't', keepPartition: false }), {
    topic: 't',
    timestamp: 77,
    key: Buffer.from('k'),
    value: Buffer.from('v'),
    headers: [
      { key: 'a', value: Buffer.from('1') },
      { key: 'b', value: null },
    ],
  })
})

test('values that are no text are written as JSON, and headers may be an object', () => {
  const sent = recordFromJson('{"value":{"a":[1]},"headers":{"n":1,"s":"x"}}', defaults)
  assert.equal(sent.value?.toString(), '{"a":[1]}')
  assert.deepEqual(
    sent.headers?.map(({ key, value }) => `${key}=${value}`),
    ['n=1', 's=x'],
  )
  assert.equal(sent.key, null)
})

test('a line that is no record is refused with the reason', () => {
  assert.throws(() => recordFromJson('{', defaults), /not JSON/)
  assert.throws(() => recordFromJson('[1]', defaults), /not a JSON object/)
  assert.throws(() => recordFromJson('{"partition":-1}', defaults), /partition is not a whole number/)
  assert.throws(() => recordFromJson('{"headers":["a"]}', defaults), /name without a value/)
})
