import assert from 'node:assert/strict'
import { test } from 'node:test'
import { BufferPool, poisonReleasedBuffers, systemClock } from '@millrace/base'
import fc from 'fast-check'
import { FrameParser } from './frame-parser.ts'

poisonReleasedBuffers()

const SIZE_MAX = 5_000
const LARGE_MAX = 60_000
const blocks = new BufferPool({ blockBytesMin: 8192, blockBytesMax: 32_768, keptBytesMax: 1 << 20 }, systemClock)

function framed(body: Buffer): Buffer {
  const frame = Buffer.alloc(body.length + 4)
  frame.writeInt32BE(body.length, 0)
  body.copy(frame, 4)
  return frame
}

/** Cuts at the given places, taken modulo what is left. */
function cut(bytes: Buffer, lengths: readonly number[]): Buffer[] {
  const chunks: Buffer[] = []
  let at = 0
  for (let i = 0; at < bytes.length; i++) {
    const length = Math.min(bytes.length - at, lengths.length === 0 ? bytes.length : lengths[i % lengths.length]!)
    chunks.push(Buffer.from(bytes.subarray(at, at + length)))
    at += length
  }
  return chunks
}

const bodies = fc.array(fc.uint8Array({ maxLength: 300 }), { maxLength: 12 })
const chunkLengths = fc.array(fc.oneof(fc.integer({ min: 1, max: 7 }), fc.integer({ min: 1, max: 900 })), {
  maxLength: 20,
})

test('any chunking of any frames gives the same frames', () => {
  fc.assert(
    fc.property(bodies, chunkLengths, (given, lengths) => {
      const sent = given.map(body => Buffer.from(body))
      const parser = new FrameParser(SIZE_MAX, blocks)
      const got: Buffer[] = []
      for (const chunk of cut(Buffer.concat(sent.map(framed)), lengths))
        assert.equal(
          parser.push(chunk, ({ bytes }) => got.push(Buffer.from(bytes))),
          undefined,
        )
      assert.deepEqual(got, sent)
      assert.equal(parser.buffered, 0)
      assert.equal(parser.capacity, 0)
    }),
    { seed: 4711, numRuns: 500 },
  )
})

test('whoever wants no more frames gets the rest when its bytes are pushed again', () => {
  const stops = fc.array(fc.boolean(), { minLength: 1 })
  fc.assert(
    fc.property(bodies, chunkLengths, stops, (given, lengths, stopsAt) => {
      const sent = given.map(body => Buffer.from(body))
      const parser = new FrameParser(SIZE_MAX, blocks)
      const got: Buffer[] = []
      for (const chunk of cut(Buffer.concat(sent.map(framed)), lengths))
        for (let rest = chunk; rest.length > 0; rest = rest.subarray(parser.consumed)) {
          const before = got.length
          parser.push(rest, ({ bytes }) => {
            got.push(Buffer.from(bytes))
            return !stopsAt[got.length % stopsAt.length]
          })
          assert.ok(stopsAt.includes(true) ? got.length <= before + stopsAt.length : parser.consumed === rest.length)
        }
      assert.deepEqual(got, sent)
    }),
    { seed: 4711, numRuns: 300 },
  )
})

test('a bad size is found wherever it is cut, after the frames before it', () => {
  const sizes = fc.oneof(
    fc.integer({ min: -(2 ** 31), max: -1 }),
    fc.integer({ min: SIZE_MAX + 1, max: 2 ** 31 - 1 }),
    fc.constantFrom(-1, -4, -5, 2 ** 31 - 1, -(2 ** 31), SIZE_MAX + 1),
  )
  fc.assert(
    fc.property(bodies, sizes, chunkLengths, (given, size, lengths) => {
      const sent = given.map(body => Buffer.from(body))
      const prefix = Buffer.alloc(4)
      prefix.writeInt32BE(size)
      const parser = new FrameParser(SIZE_MAX, blocks)
      const got: Buffer[] = []
      let bad: number | undefined
      for (const chunk of cut(Buffer.concat([...sent.map(framed), prefix]), lengths))
        bad ??= parser.push(chunk, ({ bytes }) => got.push(Buffer.from(bytes)))
      assert.equal(bad, size)
      assert.deepEqual(got, sent)
    }),
    { seed: 4711, numRuns: 500 },
  )
})

test('a size that claims the most takes no memory until bytes come, and then in proportion to them', () => {
  const claimed = 100 << 20
  const parser = new FrameParser(claimed, blocks)
  const prefix = Buffer.alloc(4)
  prefix.writeInt32BE(claimed)
  const fail = () => assert.fail('no frame is complete')
  parser.push(prefix, fail)
  assert.equal(parser.capacity, 0)
  assert.equal(parser.claimed, claimed + 4)
  for (const length of [1, 1, 5_000, 70_000, 1]) {
    parser.push(Buffer.alloc(length), fail)
    assert.ok(parser.capacity <= Math.max(1024, 4 * parser.buffered), `${parser.capacity} for ${parser.buffered}`)
  }
})

test('a frame that comes byte by byte is held as one buffer', () => {
  const body = Buffer.from(Array.from({ length: SIZE_MAX }, (_, i) => i & 0xff))
  const parser = new FrameParser(SIZE_MAX, blocks)
  const got: Buffer[] = []
  for (const byte of framed(body)) parser.push(Buffer.of(byte), ({ bytes }) => got.push(bytes))
  assert.deepEqual(got, [body])
  assert.equal(got[0]!.buffer.byteLength, SIZE_MAX)
})

test('frames stay as they are when the chunk is used again', () => {
  const parser = new FrameParser(SIZE_MAX, blocks)
  const got: Buffer[] = []
  const chunk = Buffer.concat([framed(Buffer.from('abc')), framed(Buffer.from('defg')).subarray(0, 6)])
  parser.push(chunk, ({ bytes }) => got.push(bytes))
  chunk.fill(0)
  parser.push(Buffer.from('fg'), ({ bytes }) => got.push(bytes))
  assert.deepEqual(got.map(String), ['abc', 'defg'])
})

test('frames of all sizes keep their bytes while others are gathered, given back and forgotten', () => {
  const one = fc.record({ size: fc.integer({ min: 0, max: LARGE_MAX }), isGivenBack: fc.boolean() })
  const lengths = fc.array(fc.integer({ min: 1, max: 65_536 }), { maxLength: 6 })
  fc.assert(
    fc.property(fc.array(one, { maxLength: 8 }), lengths, (given, cuts) => {
      const sent = given.map(({ size }, i) => Buffer.alloc(size, i + 1))
      const parser = new FrameParser(LARGE_MAX, blocks)
      const kept: { bytes: Buffer; i: number }[] = []
      let count = 0
      for (const chunk of cut(Buffer.concat(sent.map(framed)), cuts)) {
        parser.push(chunk, ({ bytes, lease }) => {
          const i = count++
          assert.deepEqual(bytes, sent[i])
          if (lease !== undefined && given[i]!.isGivenBack) lease.release()
          else kept.push({ bytes, i })
        })
        chunk.fill(0xee)
      }
      assert.equal(count, sent.length)
      for (const { bytes, i } of kept) assert.deepEqual(bytes, sent[i])
    }),
    { seed: 4711, numRuns: 200 },
  )
})
