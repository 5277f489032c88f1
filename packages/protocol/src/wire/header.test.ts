import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  readRequestRest,
  readRequestStart,
  readResponseHeader,
  responseHeaderIsFlexible,
  writeRequestHeader,
  writeResponseHeader,
} from './header.ts'
import { MalformedError } from './malformed.ts'
import { Reader } from './reader.ts'
import { Writer } from './writer.ts'

const written = (write: (w: Writer) => void): Buffer => {
  const w = new Writer()
  write(w)
  return w.finish()
}

for (const flexible of [false, true])
  for (const clientId of [null, '', 'client-é'])
    test(`a request header with client id ${JSON.stringify(clientId)} round-trips, flexible: ${flexible}`, () => {
      const start = { apiKey: 3, apiVersion: 9, correlationId: -5 }
      const r = new Reader(written(w => writeRequestHeader(w, { ...start, clientId }, flexible)))
      assert.deepEqual(readRequestStart(r), start)
      assert.equal(readRequestRest(r, flexible), clientId)
      assert.equal(r.remaining, 0)
    })

test('the client id keeps its int16 length in a flexible header, and the tags follow it', () => {
  const header = { apiKey: 18, apiVersion: 3, correlationId: 1, clientId: 'a' }
  assert.deepEqual([...written(w => writeRequestHeader(w, header, true)).subarray(8)], [0, 1, 97, 0])
})

test('tags of a later header version are skipped', () => {
  const r = new Reader(Buffer.from([0xff, 0xff, 2, 0, 3, 1, 2, 3, 9, 0, 42]))
  assert.equal(readRequestRest(r, true), null)
  assert.equal(r.int8(), 42)
})

test('a client id of a negative length, or one past the end, is malformed', () => {
  assert.throws(() => readRequestRest(new Reader(Buffer.from([0xff, 0xfe, 0])), false), MalformedError)
  assert.throws(() => readRequestRest(new Reader(Buffer.from([0, 9, 97])), false), MalformedError)
  assert.throws(() => readRequestRest(new Reader(Buffer.from([0])), false), MalformedError)
})

test('a header cut short anywhere is malformed', () => {
  const header = { apiKey: 1, apiVersion: 12, correlationId: 7, clientId: 'abc' }
  const whole = written(w => writeRequestHeader(w, header, true))
  for (let length = 0; length < whole.length; length++)
    assert.throws(() => {
      const r = new Reader(whole.subarray(0, length))
      readRequestStart(r)
      readRequestRest(r, true)
    }, MalformedError)
})

test('a client id that is too long is the fault of its sender', () => {
  const header = { apiKey: 1, apiVersion: 4, correlationId: 7, clientId: 'a'.repeat(32768) }
  assert.throws(() => writeRequestHeader(new Writer(), header, false), RangeError)
})

test('a response header has tags when the version is flexible, but never for ApiVersions', () => {
  assert.equal(responseHeaderIsFlexible(3, true), true)
  assert.equal(responseHeaderIsFlexible(3, false), false)
  assert.equal(responseHeaderIsFlexible(18, true), false)
  assert.deepEqual(
    written(w => writeResponseHeader(w, 6, false)),
    Buffer.from([0, 0, 0, 6]),
  )
  assert.deepEqual(
    written(w => writeResponseHeader(w, 6, true)),
    Buffer.from([0, 0, 0, 6, 0]),
  )
  assert.equal(readResponseHeader(new Reader(Buffer.from([0, 0, 0, 6, 1, 5, 1, 9])), true), 6)
})
