import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { message } from '../schema/api.ts'
import { array, bytes, int8, records, sentence, string } from '../schema/field.ts'
import { writeStruct } from '../schema/interpret.ts'
import { UnsupportedVersionError } from './malformed.ts'
import { Reader, STRING_BYTES_MAX } from './reader.ts'
import { Writer } from './writer.ts'

test('what is written is read back, whatever the sizes of the pieces', () => {
  const piece = fc.oneof(
    fc.record({ kind: fc.constant('int8' as const), value: fc.integer({ min: -128, max: 127 }) }),
    fc.record({ kind: fc.constant('int16' as const), value: fc.integer({ min: -32768, max: 32767 }) }),
    fc.record({ kind: fc.constant('uint16' as const), value: fc.nat(65535) }),
    fc.record({ kind: fc.constant('int32' as const), value: fc.integer() }),
    fc.record({ kind: fc.constant('uint32' as const), value: fc.nat().map(n => n * 2 + 1) }),
    fc.record({ kind: fc.constant('long' as const), value: fc.maxSafeInteger() }),
    fc.record({ kind: fc.constant('uvarint' as const), value: fc.nat().map(n => n * 2 + 1) }),
    fc.record({ kind: fc.constant('float64' as const), value: fc.double({ noNaN: true }) }),
  )
  const blob = fc.record({ kind: fc.constant('bytes' as const), value: fc.nat(5000).map(n => Buffer.alloc(n, n)) })
  fc.assert(
    fc.property(fc.array(fc.oneof(piece, blob), { maxLength: 40 }), pieces => {
      const w = new Writer(8)
      for (const p of pieces) w[p.kind](p.value as never)
      const length = w.length
      const written = w.finish()
      assert.equal(written.length, length)
      const r = new Reader(written)
      for (const p of pieces) assert.deepEqual(p.kind === 'bytes' ? r.bytes(p.value.length) : r[p.kind](), p.value)
      assert.equal(r.remaining, 0)
    }),
    { seed: 20261124 },
  )
})

test('bytes of 2 KiB and more become chunks of their own without a copy, smaller ones are copied', () => {
  const large = Buffer.alloc(2048, 1)
  const small = Buffer.alloc(2047, 2)
  const w = new Writer()
  w.int32(7)
  w.bytes(large)
  w.int8(8)
  w.bytes(small)
  w.int8(9)
  const chunks = w.chunks()
  assert.equal(chunks.length, 3)
  assert.equal(chunks[1], large)
  small.fill(3)
  assert.equal(chunks[2]![1], 2)
  assert.equal(w.length, 4 + 2048 + 1 + 2047 + 1)
})

test('a message passes its record batches on as the views that it was given', () => {
  const views = [Buffer.alloc(4096, 1), Buffer.alloc(3, 2), Buffer.alloc(4096, 3)]
  const w = new Writer()
  message(Infinity, { batches: records() }).write(w, { batches: views }, 0)
  const chunks = w.chunks()
  assert.equal(chunks[1], views[0])
  assert.equal(chunks[3], views[2])
  assert.deepEqual(w.finish(), Buffer.concat([Buffer.from([0, 0, 0x20, 0x03]), ...views]))
})

test('large views inside a tagged field are not copied either', () => {
  const view = Buffer.alloc(4096, 1)
  const w = new Writer()
  message(0, { blob: bytes().tag(0) }).write(w, { blob: view }, 0)
  assert.ok(w.chunks().includes(view))
  const r = new Reader(w.finish())
  assert.deepEqual([r.uvarint(), r.uvarint(), r.uvarint()], [1, 0, 4096 + 2])
})

test('the size of a frame is written over its first bytes, before and after the buffer grew and was cut up', () => {
  for (const body of [Buffer.alloc(1), Buffer.alloc(2000), Buffer.alloc(5000)]) {
    const w = new Writer(8)
    w.int32(0)
    w.bytes(body)
    w.int8(1)
    w.patchInt32(w.length - 4)
    assert.equal(w.finish().readInt32BE(0), body.length + 1)
  }
})

test('a string longer than 32767 bytes is refused by the sender, counted in bytes', () => {
  const text = message(0, { name: string() })
  assert.equal(text.encode({ name: 'a'.repeat(STRING_BYTES_MAX) }, 0).length, STRING_BYTES_MAX + 4)
  assert.throws(() => text.encode({ name: 'a'.repeat(STRING_BYTES_MAX + 1) }, 0), RangeError)
  assert.throws(() => text.encode({ name: 'é'.repeat(STRING_BYTES_MAX / 2 + 1) }, 0), RangeError)
})

test('an error message that is too long is cut, so that its answer can be sent', () => {
  const answer = message(Infinity, { errorMessage: sentence().nullable() })
  const reference = new Writer()
  for (const errorMessage of [null, '', 'x'.repeat(10_000), 'ü'.repeat(10_000)])
    assert.deepEqual(answer.decode(answer.encode({ errorMessage }, 0), 0), { errorMessage })
  const cut = { errorMessage: `${'語'.repeat(9_999)}…` }
  const long = { errorMessage: '語'.repeat(40_000) }
  assert.deepEqual(answer.decode(answer.encode(long, 0), 0), cut)
  writeStruct(reference, answer.type, answer.at(0), long)
  assert.deepEqual(answer.decode(reference.finish(), 0), cut)
})

test('a lone surrogate is written as the replacement character, with the length that it takes', () => {
  const text = message(Infinity, { name: string() })
  assert.deepEqual(text.decode(text.encode({ name: 'a\ud800b' }, 0), 0), { name: 'a\ufffdb' })
})

test('null is refused where the version has none', () => {
  const lists = message(Infinity, { xs: array(int8()).nullable(1) })
  assert.deepEqual(lists.encode({ xs: null }, 1), Buffer.from([0xff, 0xff, 0xff, 0xff]))
  assert.throws(() => lists.encode({ xs: null }, 0), UnsupportedVersionError)
})

test('what is not a uuid is refused', () => {
  const w = new Writer()
  w.uuid('AAAAAAAAAAAAAAAAAAAAAQ')
  assert.equal(new Reader(w.finish()).uuid(), 'AAAAAAAAAAAAAAAAAAAAAQ')
  assert.throws(() => new Writer().uuid('too short'), RangeError)
})
