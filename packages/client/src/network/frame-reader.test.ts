import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { FrameReader } from './frame-reader.ts'

const framed = (frame: Uint8Array): Buffer => {
  const size = Buffer.alloc(4)
  size.writeInt32BE(frame.length)
  return Buffer.concat([size, frame])
}

test('frames come out whole however the stream is cut', () => {
  const frames = fc.array(fc.uint8Array({ minLength: 4, maxLength: 40 }), { maxLength: 8 })
  fc.assert(
    fc.property(frames, fc.array(fc.integer({ min: 1, max: 30 }), { minLength: 1 }), (sent, cuts) => {
      const stream = Buffer.concat(sent.map(framed))
      const reader = new FrameReader(1000)
      const got: Buffer[] = []
      for (let at = 0, n = 0; at < stream.length; n++) {
        const size = cuts[n % cuts.length]!
        reader.push(stream.subarray(at, at + size), frame => got.push(frame))
        at += size
      }
      assert.deepEqual(
        got.map(frame => [...frame]),
        sent.map(frame => [...frame]),
      )
    }),
    { seed: 42 },
  )
})

test('a frame that lies within a chunk is a view of it', () => {
  const chunk = framed(Buffer.from('abcdef'))
  new FrameReader(1000).push(chunk, frame => assert.equal(frame.buffer, chunk.buffer))
})

test('a size that cannot be is the end of it', () => {
  for (const size of [-1, 0, 3, 1001, 0x48545450]) {
    const prefix = Buffer.alloc(4)
    prefix.writeInt32BE(size)
    assert.throws(() => new FrameReader(1000).push(prefix, () => {}), { name: 'MalformedError' })
  }
})
