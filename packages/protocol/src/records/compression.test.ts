import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { constants, gzipSync, zstdCompressSync } from 'node:zlib'
import fc from 'fast-check'
import {
  type CompressionCodec,
  CompressionError,
  type CompressionErrorCode,
  compress,
  compressionCodecs,
  decompress,
} from './compression.ts'
import { decodeLz4Frames } from './lz4-frame.ts'
import { encodeSnappyPortable } from './snappy.ts'
import { decodeSnappyBlock, snappyBlockSize } from './snappy-block.ts'
import { xxhash32 } from './xxhash32.ts'

const maxBytes = 16 * 1024 * 1024
const compressing = compressionCodecs.filter(codec => codec !== 'none')

const refused = (code: CompressionErrorCode) => (error: unknown) =>
  error instanceof CompressionError && error.code === code

const log = Buffer.from(
  Array.from(
    { length: 1500 },
    (_, i) => `{"line":${i},"level":"info","message":"request ${(i * 7919) % 1000} served"}\n`,
  ).join(''),
)
const fox = Buffer.from('The quick brown fox jumps over the lazy dog. '.repeat(5))

/** What lz4, python-snappy, gzip and zstd made of the two texts above. */
const vectors: Record<string, { codec: CompressionCodec; of: 'text' | 'small'; times?: number; bytes: string }> =
  JSON.parse(readFileSync(new URL('./vectors/compressed.json', import.meta.url), 'utf8'))

for (const [name, { codec, of, times = 1, bytes }] of Object.entries(vectors)) {
  test(`what another implementation compressed is read: ${name}`, () => {
    const expected = Buffer.concat(Array.from({ length: times }, () => (of === 'text' ? log : fox)))
    const compressed = Buffer.from(bytes, 'base64')
    assert.deepEqual(decompress(codec, compressed, { maxBytes }), expected)
    assert.deepEqual(Buffer.from(decompress(codec, compressed, { maxBytes, transient: true })), expected)
    assert.deepEqual(decompress(codec, compressed, { maxBytes: expected.length }), expected)
    assert.throws(() => decompress(codec, compressed, { maxBytes: expected.length - 1 }), refused('TOO_LARGE'))
  })
}

/** Bytes with repeats near and far, as well as noise. */
const content = fc
  .array(
    fc.oneof(
      fc.uint8Array({ maxLength: 40 }),
      fc
        .tuple(fc.uint8Array({ minLength: 1, maxLength: 6 }), fc.integer({ min: 1, max: 20_000 }))
        .map(([unit, repeats]) => {
          return Buffer.alloc(unit.length * repeats, unit)
        }),
    ),
    { maxLength: 12 },
  )
  .map(parts => Buffer.concat(parts))

for (const codec of compressing) {
  test(`${codec} gives back what it was given`, () => {
    fc.assert(
      fc.property(content, bytes => {
        const compressed = compress(codec, bytes)
        assert.ok(decompress(codec, compressed, { maxBytes, portable: true }).equals(bytes))
        assert.ok(decompress(codec, compressed, { maxBytes, transient: true }).equals(bytes))
      }),
      { seed: 4711, numRuns: 60 },
    )
  })

  test(`${codec} that is cut short anywhere is corrupt`, () => {
    const compressed = compress(codec, fox)
    for (let length = 0; length < compressed.length; length++) {
      // A cut snappy stream that ends between blocks is a shorter stream: it cannot be told.
      if (codec === 'snappy' && length === 16) continue
      assert.throws(
        () => decompress(codec, compressed.subarray(0, length), { maxBytes }),
        refused('CORRUPT'),
        `at ${length}`,
      )
    }
  })

  test(`${codec} with bytes changed anywhere either decodes within its limit or is refused`, () => {
    const compressed = compress(codec, Buffer.concat([fox, log.subarray(0, 3000)]))
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat(compressed.length - 1), fc.nat(255)), { minLength: 1, maxLength: 4 }),
        changes => {
          const broken = Buffer.from(compressed)
          for (const [at, byte] of changes) broken[at] = byte
          try {
            assert.ok(decompress(codec, broken, { maxBytes: 4096 }).length <= 4096)
          } catch (error) {
            assert.ok(error instanceof CompressionError)
          }
        },
      ),
      { seed: 99, numRuns: 600 },
    )
  })

  test(`random bytes are no ${codec}, and do not harm`, () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), bytes => {
        try {
          decompress(codec, Buffer.from(bytes), { maxBytes: 4096 })
        } catch (error) {
          assert.ok(error instanceof CompressionError)
        }
      }),
      { seed: 7, numRuns: 600 },
    )
  })
}

test('a bomb is refused in every codec, without the memory that it wants', () => {
  const bombs: Record<string, Buffer> = {
    gzip: gzipSync(Buffer.alloc(256 * 1024 * 1024), { level: 1 }),
    zstd: zstdCompressSync(Buffer.alloc(256 * 1024 * 1024)),
    snappy: compress('snappy', Buffer.alloc(8 * 1024 * 1024)),
    lz4: compress('lz4', Buffer.alloc(64 * 1024 * 1024)),
  }
  for (const codec of compressing) {
    const before = process.memoryUsage()
    assert.throws(() => decompress(codec, bombs[codec]!, { maxBytes: 1024 * 1024 }), refused('TOO_LARGE'), codec)
    const grown =
      process.memoryUsage().arrayBuffers + process.memoryUsage().external - before.arrayBuffers - before.external
    assert.ok(grown < 16 * 1024 * 1024, `${codec} took ${grown} bytes`)
  }
})

test('a size that no such short input can have is a lie, refused before memory is taken', () => {
  const snappyLie = Buffer.from([0xff, 0xff, 0xff, 0xff, 0x0f, 0x00, 0x41])
  assert.throws(() => decompress('snappy', snappyLie, { maxBytes: 2 ** 40 }), refused('CORRUPT'))
  const lz4Header = Buffer.from([0x04, 0x22, 0x4d, 0x18, 0x68, 0x40, 0, 0, 0, 0x40, 0, 0, 0, 0, 0, 0, 0, 0, 0])
  lz4Header[14] = (xxhash32(lz4Header, 4, 14) >>> 8) & 0xff
  assert.throws(() => decompress('lz4', lz4Header, { maxBytes: 2 ** 40 }), refused('CORRUPT'))
})

test('lz4 that Kafka’s Java client cannot read is refused where all must be able to', () => {
  for (const name of ['lz4 linked 64 KiB blocks', 'lz4 with a skippable frame, twice']) {
    const compressed = Buffer.from(vectors[name]!.bytes, 'base64')
    assert.throws(() => decompress('lz4', compressed, { maxBytes, portable: true }), refused('UNSUPPORTED'))
  }
})

test('snappy written in TypeScript and the native one read each other', () => {
  fc.assert(
    fc.property(content, bytes => {
      assert.ok(decompress('snappy', encodeSnappyPortable(bytes), { maxBytes }).equals(bytes))
      const stream = compress('snappy', bytes.subarray(0, 32768))
      if (stream.length === 16) return
      const block = stream.subarray(20)
      const out = Buffer.alloc(snappyBlockSize(block))
      decodeSnappyBlock(block, out, 0, out.length)
      assert.ok(out.equals(bytes.subarray(0, 32768)))
    }),
    { seed: 12, numRuns: 60 },
  )
})

test('a changed byte in an lz4 frame with checksums never goes unnoticed', () => {
  const compressed = Buffer.from(vectors['lz4 4 MiB blocks, small']!.bytes, 'base64')
  for (let at = 0; at < compressed.length; at++) {
    const broken = Buffer.from(compressed)
    broken[at]! ^= 0x10
    assert.throws(() => decodeLz4Frames(broken, { maxBytes: 2 ** 30 }), CompressionError, `at ${at}`)
  }
})

test('xxHash32 gives the reference values', () => {
  assert.equal(xxhash32(Buffer.alloc(0)), 0x02cc5d05)
  assert.equal(xxhash32(Buffer.from('abc')), 0x32d153ff)
  assert.equal(xxhash32(Buffer.from('Nobody inspects the spammish repetition')), 0xe2293b2f)
})

test('zstd of many levels and without a content size is read', () => {
  for (const level of [-5, 1, 19]) assert.ok(decompress('zstd', compress('zstd', log, level), { maxBytes }).equals(log))
  const params = { [constants.ZSTD_c_contentSizeFlag]: 0, [constants.ZSTD_c_checksumFlag]: 1 }
  assert.ok(decompress('zstd', zstdCompressSync(log, { params }), { maxBytes }).equals(log))
})
