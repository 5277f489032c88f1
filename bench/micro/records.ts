/**
 * Speed of checksums, codecs, validation and building, in MB/s of uncompressed bytes; the best of several rounds.
 * By hand: node --conditions=source bench/micro/records.ts
 */
import {
  BatchBuilder,
  type BatchRules,
  compress,
  compressionCodecs,
  crc32c,
  decompress,
  readRecords,
  validateBatch,
} from '@millrace/protocol'
import { crc32cPortable } from '../../packages/protocol/src/records/crc32c.ts'
import { nativeCrc32, nativeSnappy } from '../../packages/protocol/src/records/native.ts'
import { RecordWalk } from '../../packages/protocol/src/records/record-walk.ts'
import { encodeSnappyPortable } from '../../packages/protocol/src/records/snappy.ts'
import {
  decodeSnappyBlock,
  encodeSnappyBlock,
  snappyBlockBound,
} from '../../packages/protocol/src/records/snappy-block.ts'
import { heading, measureBytes as measure } from './per-call.ts'

function text(size: number): Buffer {
  const lines: string[] = []
  for (let i = 0, length = 0; length < size; i++) {
    const line = `{"id":${i},"user":"u${(i * 7919) % 5000}","action":"view","path":"/item/${(i * 104729) % 90000}"}\n`
    lines.push(line)
    length += line.length
  }
  return Buffer.from(lines.join('')).subarray(0, size)
}

console.log(heading)
for (const size of [64, 128, 256, 512, 1024, 16384, 1048576]) {
  const bytes = text(size)
  measure(`crc32c portable, ${size}`, size, () => crc32cPortable(bytes, 0, size))
  if (nativeCrc32() !== undefined)
    measure(`crc32c native, ${size}`, size, () => nativeCrc32()!.crc32c(bytes.subarray(0, size)))
  measure(`crc32c chosen, ${size}`, size, () => crc32c(bytes, 0, size))
}

for (const size of [1024, 16384, 32768, 1048576]) {
  const bytes = text(size)
  const options = { maxBytes: size, transient: true }
  for (const codec of compressionCodecs) {
    if (codec === 'none') continue
    const compressed = compress(codec, bytes)
    measure(`${codec} compress, ${size} to ${compressed.length}`, size, () => compress(codec, bytes))
    measure(`${codec} decompress, ${size}`, size, () => decompress(codec, compressed, options))
  }
  measure(`snappy compress portable, ${size}`, size, () => encodeSnappyPortable(bytes))
  if (size > 32768) continue
  const out = Buffer.alloc(snappyBlockBound(size))
  const block = Buffer.from(out.subarray(0, encodeSnappyBlock(bytes, out, 0)))
  const target = Buffer.alloc(size)
  measure(`snappy block decode portable, ${size}`, size, () => decodeSnappyBlock(block, target, 0, size))
  if (nativeSnappy() !== undefined) {
    measure(`snappy block decode native, ${size}`, size, () =>
      target.set(nativeSnappy()!.uncompressSync(block, { copyOutputData: true }) as Buffer),
    )
  }
}

const rules: BatchRules = {
  maxMessageBytes: 2 ** 24,
  decompressedBytesMax: 2 ** 24,
  isZstdAllowed: true,
  timestampType: 'CreateTime',
  timestampBeforeMaxMs: Number.MAX_SAFE_INTEGER,
  timestampAfterMaxMs: 3_600_000,
  now: 1_764_000_000_000,
  keysRequired: false,
}
for (const [count, valueSize] of [
  [1, 100],
  [3700, 10],
  [600, 100],
  [16, 1000],
  [1000, 1000],
] as const) {
  const value = text(valueSize)
  const build = (codec: (typeof compressionCodecs)[number]) => {
    const builder = new BatchBuilder(count * (valueSize + 20) + 61)
    for (let i = 0; i < count; i++) builder.append({ timestamp: rules.now + i, key: null, value })
    return builder.build({ codec })
  }
  const plain = build('none')
  const walk = () => new RecordWalk(rules.now, count, rules)
  measure(`walk records, fast, ${count} x ${valueSize}`, plain.length, () => walk().run(plain, 61, plain.length))
  measure(`walk records, general, ${count} x ${valueSize}`, plain.length, () =>
    walk().runFrom(0, plain, 61, plain.length),
  )
  measure(`build, ${count} x ${valueSize}`, plain.length, () => build('none'))
  for (const codec of compressionCodecs) {
    const batch = build(codec)
    measure(`validate ${codec}, ${count} x ${valueSize}`, plain.length, () => validateBatch(batch, rules))
  }
  measure(`read records, ${count} x ${valueSize}`, plain.length, () => {
    let length = 0
    for (const record of readRecords(plain, 0, { maxBytes: 2 ** 24 })) length += record.value!.length
    return length
  })
}
