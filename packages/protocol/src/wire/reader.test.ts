import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { message } from '../schema/api.ts'
import { array, int8, int32, string, struct } from '../schema/field.ts'
import { MalformedError } from './malformed.ts'
import { ELEMENTS_MAX, Reader, STRING_BYTES_MAX, TAGGED_FIELDS_MAX } from './reader.ts'
import { Writer } from './writer.ts'

const reader = (...bytes: number[]): Reader => new Reader(Buffer.from(bytes))
const malformed = (read: () => unknown, text: RegExp): void =>
  assert.throws(read, error => error instanceof MalformedError && text.test(error.message))

test('no primitive is read past the end of the frame, and a failed read does not move', () => {
  const reads: [size: number, read: (r: Reader) => unknown][] = [
    [1, r => r.bool()],
    [1, r => r.int8()],
    [2, r => r.int16()],
    [2, r => r.uint16()],
    [4, r => r.int32()],
    [4, r => r.uint32()],
    [8, r => r.long()],
    [8, r => r.float64()],
    [16, r => r.uuid()],
    [9, r => r.bytes(9)],
    [9, r => r.utf8(9)],
  ]
  for (const [size, read] of reads) {
    const short = new Reader(Buffer.alloc(size - 1))
    malformed(() => read(short), /past the end/)
    const exact = new Reader(Buffer.alloc(size))
    read(exact)
    assert.equal(exact.remaining, 0)
  }
})

test('negative lengths are refused, also when they would lead back into the frame', () => {
  const r = new Reader(Buffer.alloc(16), 8)
  malformed(() => r.bytes(-4), /past the end/)
  malformed(() => r.utf8(-1), /past the end/)
  assert.equal(r.offset, 8)
})

test('numbers at the ends of their ranges', () => {
  assert.equal(reader(0x80).int8(), -128)
  assert.equal(reader(0x80, 0).int16(), -32768)
  assert.equal(reader(0xff, 0xff).uint16(), 65535)
  assert.equal(reader(0x80, 0, 0, 0).int32(), -2147483648)
  assert.equal(reader(0xff, 0xff, 0xff, 0xff).uint32(), 4294967295)
  assert.equal(reader(0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff).long(), -1)
  assert.equal(reader(0, 0x1f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff).long(), Number.MAX_SAFE_INTEGER)
  assert.equal(reader(0xff, 0xe0, 0, 0, 0, 0, 0, 1).long(), Number.MIN_SAFE_INTEGER)
  assert.equal(reader(2).bool(), true)
})

test('an int64 that a number cannot hold is malformed, never rounded', () => {
  malformed(() => reader(0, 0x20, 0, 0, 0, 0, 0, 0).long(), /safe integer/)
  malformed(() => reader(0xff, 0xe0, 0, 0, 0, 0, 0, 0).long(), /safe integer/)
  malformed(() => reader(0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff).long(), /safe integer/)
  malformed(() => reader(0x80, 0, 0, 0, 0, 0, 0, 0).long(), /safe integer/)
})

test('a position that a number cannot hold is the nearest that it can', () => {
  assert.equal(reader(0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff).position(), Number.MAX_SAFE_INTEGER)
  assert.equal(reader(0x80, 0, 0, 0, 0, 0, 0, 0).position(), Number.MIN_SAFE_INTEGER)
  assert.equal(reader(0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xfe).position(), -2)
})

test('an int64 reads as BigInt arithmetic says, on random values', () => {
  const big = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n })
  const safe = fc.maxSafeInteger().map(BigInt)
  fc.assert(
    fc.property(fc.oneof(big, safe), value => {
      const bytes = Buffer.alloc(8)
      bytes.writeBigInt64BE(value)
      if (Number.isSafeInteger(Number(value))) assert.equal(new Reader(bytes).long(), Number(value))
      else malformed(() => new Reader(bytes).long(), /safe integer/)
    }),
    { seed: 20261124 },
  )
})

test('an unsigned varint takes five bytes at the most', () => {
  assert.equal(reader(0).uvarint(), 0)
  assert.equal(reader(0xff, 0xff, 0xff, 0xff, 0x0f).uvarint(), 4294967295)
  malformed(() => reader(0x80, 0x80, 0x80, 0x80, 0x80, 0).uvarint(), /longer than 5 bytes/)
  malformed(() => reader(0xff, 0xff).uvarint(), /past the end/)
})

test('a string of 32767 bytes is read and one more is refused, however it says its length', () => {
  const frame = Buffer.alloc(STRING_BYTES_MAX + 1, 97)
  assert.equal(new Reader(frame).utf8(STRING_BYTES_MAX).length, STRING_BYTES_MAX)
  malformed(() => new Reader(frame).utf8(STRING_BYTES_MAX + 1), /32768 bytes, at most 32767/)
  const compact = new Writer()
  compact.uvarint(STRING_BYTES_MAX + 2)
  compact.bytes(frame)
  compact.uvarint(0)
  malformed(() => message(0, { name: string() }).decode(compact.finish(), 0), /at most 32767/)
})

test('a string that could not be sent back, because what is no UTF-8 in it grows, is refused', () => {
  const third = Math.floor(STRING_BYTES_MAX / 3)
  assert.equal(new Reader(Buffer.alloc(third, 0xff)).utf8(third), '\ufffd'.repeat(third))
  malformed(() => new Reader(Buffer.alloc(third + 1, 0xff)).utf8(third + 1), /no UTF-8/)
  assert.equal(
    new Reader(Buffer.alloc(STRING_BYTES_MAX - 1, 'é')).utf8(STRING_BYTES_MAX - 1).length,
    STRING_BYTES_MAX / 2 - 0.5,
  )
})

test('bytes are a view of the frame', () => {
  const frame = Buffer.from([1, 2, 3, 4])
  const view = new Reader(frame, 1).bytes(2)
  frame[1] = 9
  assert.deepEqual([...view], [9, 3])
})

test('an array count larger than the rest of the frame is refused before anything is made for it', () => {
  const counts = message(Infinity, { xs: array(int8()) })
  const lying = Buffer.alloc(6)
  lying.writeInt32BE(0x7fffffff)
  malformed(() => counts.decode(lying, 0), /array of 2147483647 elements in a frame with 2 bytes left/)
  const compact = message(0, { xs: array(int8()) })
  malformed(() => compact.decode(Buffer.from([0xff, 0xff, 0xff, 0xff, 0x0f, 0, 0]), 0), /4294967294 elements/)
})

test('a null array is refused where null is not allowed, and so is a count below -1', () => {
  const counts = message(Infinity, { xs: array(int8()) })
  malformed(() => counts.decode(Buffer.from([0xff, 0xff, 0xff, 0xff]), 0), /null in xs/)
  malformed(() => counts.decode(Buffer.from([0x80, 0, 0, 0]), 0), /null in xs/)
})

test('all arrays of a frame share one budget, so that nested ones cannot multiply', () => {
  const nested = message(Infinity, { outer: array(struct({ inner: array(int8()) })) })
  const frameOf = (outer: number, inner: number): Buffer => {
    const element = Buffer.alloc(4 + inner)
    element.writeInt32BE(inner)
    const count = Buffer.alloc(4)
    count.writeInt32BE(outer)
    return Buffer.concat([count, ...Array<Buffer>(outer).fill(element)])
  }
  assert.equal(nested.decode(frameOf(1000, ELEMENTS_MAX / 1000 - 1), 0).outer.length, 1000)
  malformed(() => nested.decode(frameOf(1000, ELEMENTS_MAX / 1000), 0), /array of 1000 elements/)
})

test('a frame may have many sections of tagged fields, but each at most 10000 of them', () => {
  const tags = new Writer()
  tags.uvarint(TAGGED_FIELDS_MAX + 1)
  malformed(() => new Reader(tags.finish()).tagCount(), /10001 tagged fields/)
  const empty = message(0, {})
  const many = new Writer()
  many.uvarint(TAGGED_FIELDS_MAX)
  for (let i = 0; i < TAGGED_FIELDS_MAX; i++) {
    many.uvarint(i + 50)
    many.uvarint(0)
  }
  assert.deepEqual(empty.decode(many.finish(), 0), {})
})

test('a tagged field that is longer than the frame, or not as long as it says, is refused', () => {
  const tagged = message(0, { x: int32().tag(0) })
  assert.deepEqual(tagged.decode(Buffer.from([1, 0, 4, 0, 0, 0, 7]), 0), { x: 7 })
  malformed(() => tagged.decode(Buffer.from([1, 9, 5, 0, 0, 0, 7]), 0), /past the end/)
  malformed(() => tagged.decode(Buffer.from([1, 0, 3, 0, 0, 0, 7]), 0), /another size/)
  malformed(() => tagged.decode(Buffer.from([1, 0, 5, 0, 0, 0, 7, 0]), 0), /another size/)
})

test('a struct inside a tagged field has a tagged section of its own, and unknown tags are skipped in both', () => {
  const inner = struct({ a: int8(), b: int8().tag(3).default(9) })
  const nested = message(0, { s: inner.tag(1) })
  //                                tags t  len a  tags t  len b  t  len
  const frame = Buffer.from([2, 1, 8, 5, 2, 3, 1, 6, 4, 1, 99, 200, 1, 2, 7, 7])
  assert.deepEqual(nested.decode(frame, 0), { s: { a: 5, b: 6 } })
  assert.deepEqual(nested.encode({ s: { a: 5, b: 6 } }, 0), Buffer.from([1, 1, 5, 5, 1, 3, 1, 6]))
  assert.deepEqual(nested.encode({ s: { a: 5 } }, 0), Buffer.from([1, 1, 2, 5, 0]))
  malformed(() => nested.decode(Buffer.from([1, 1, 5, 5, 1, 3, 2, 6, 6]), 0), /another size/)
})
