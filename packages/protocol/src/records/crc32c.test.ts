import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { crc32c, crc32cPortable, NATIVE_SPAN_MIN } from './crc32c.ts'
import { nativeCrc32 } from './native.ts'

test('the check value of CRC-32C and the vectors of RFC 3720 come out', () => {
  assert.equal(crc32c(Buffer.from('123456789')), 0xe3069283)
  assert.equal(crc32c(Buffer.alloc(32)), 0x8a9136aa)
  assert.equal(crc32c(Buffer.alloc(32, 0xff)), 0x62a8ab43)
  assert.equal(crc32c(Buffer.from(Array.from({ length: 32 }, (_, i) => i))), 0x46dd794e)
  assert.equal(crc32c(Buffer.alloc(0)), 0)
})

test('only the given span counts', () => {
  const buffer = Buffer.from('xx123456789yy')
  assert.equal(crc32c(buffer, 2, 11), 0xe3069283)
})

test('the native and the portable checksum agree on any span (where the native one is installed)', {
  skip: nativeCrc32() === undefined,
}, () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: NATIVE_SPAN_MIN * 4 }), fc.nat(20), (bytes, skip) => {
      const start = Math.min(skip, bytes.length)
      const expected = nativeCrc32()!.crc32c(bytes.subarray(start))
      assert.equal(crc32cPortable(bytes, start, bytes.length), expected)
      assert.equal(crc32c(bytes, start, bytes.length), expected)
    }),
    { seed: 20261, numRuns: 300 },
  )
})
