import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { BatchBuilder, type RecordFields } from './batch-builder.ts'
import { writeVarint } from './record-cursor.ts'
import { type RecordRules, RecordWalk } from './record-walk.ts'
import { walkShortRecords } from './short-records.ts'

const now = 1_764_000_000_000
const anyTime: RecordRules = {
  timestampType: 'CreateTime',
  timestampBeforeMaxMs: Number.MAX_SAFE_INTEGER,
  timestampAfterMaxMs: Number.MAX_SAFE_INTEGER,
  now,
  keysRequired: false,
}

interface Walked {
  readonly content: Buffer
  readonly start: number
  readonly end: number
  readonly baseTimestamp: number
  readonly recordCount: number
  readonly rules: RecordRules
}

function outcomeOf(walked: Walked, way: 'run' | 'runFrom'): unknown {
  const { content, start, end } = walked
  const walk = new RecordWalk(walked.baseTimestamp, walked.recordCount, walked.rules)
  const problem = way === 'run' ? walk.run(content, start, end) : walk.runFrom(0, content, start, end)
  const { errors, hasTimestampError, maxTimestamp, maxTimestampOffsetDelta } = walk
  return { problem, errors, hasTimestampError, maxTimestamp, maxTimestampOffsetDelta }
}

function assertSame(walked: Walked): void {
  assert.deepEqual(outcomeOf(walked, 'run'), outcomeOf(walked, 'runFrom'))
}

/** How many records of a batch go the fast way. */
function shortCount(records: readonly RecordFields[], keysRequired = false): number {
  const batch = batchOf(records)
  const limits = { deltaMin: -(2 ** 30), deltaMax: 2 ** 30, deltaFloor: -1 }
  return walkShortRecords(batch, 61, batch.length, { ...limits, countMax: records.length, keysRequired }).count
}

function batchOf(records: readonly RecordFields[]): Buffer {
  const builder = new BatchBuilder()
  for (const record of records) builder.append(record)
  return builder.build()
}

// Around where a length takes another byte, and small.
const size = fc.oneof(
  { weight: 8, arbitrary: fc.nat(20) },
  fc.integer({ min: 50, max: 70 }),
  fc.integer({ min: 8170, max: 8200 }),
)
const bytes = fc.option(size.map(length => Buffer.alloc(length, 0x55)))
const delta = fc.oneof(
  { weight: 4, arbitrary: fc.integer({ min: -70, max: 70 }) },
  fc.constantFrom(
    8191,
    8192,
    -8192,
    -8193,
    2 ** 20 - 1,
    2 ** 20,
    -(2 ** 20),
    2 ** 27 - 1,
    2 ** 27,
    -(2 ** 27),
    2 ** 35,
  ),
)
const noHeaders = fc.constant([])
const headers = fc.array(fc.record({ key: fc.string({ maxLength: 3 }), value: bytes }, { noNullPrototype: true }), {
  maxLength: 2,
})
const record = fc.record({
  delta,
  key: bytes,
  value: bytes,
  headers: fc.oneof({ weight: 9, arbitrary: noHeaders }, headers),
})
const rules = fc.record({
  timestampType: fc.constantFrom('CreateTime', 'LogAppendTime'),
  timestampBeforeMaxMs: fc.constantFrom(0, 50, 10_000, Number.MAX_SAFE_INTEGER),
  timestampAfterMaxMs: fc.constantFrom(0, 50, 10_000, Number.MAX_SAFE_INTEGER),
  now: fc.constantFrom(now, 0),
  keysRequired: fc.boolean(),
})
const walked = fc
  .record({
    records: fc.array(record, { minLength: 1, maxLength: 90 }),
    firstTimestamp: fc.constantFrom(now, 200, 0),
    baseTimestamp: fc.constantFrom(now, 200, 0, -1, -2, 2 ** 51, -(2 ** 51), 2 ** 53 - 1, -(2 ** 62), 2 ** 62),
    miscount: fc.oneof({ weight: 6, arbitrary: fc.constant(0) }, fc.integer({ min: -2, max: 2 })),
    cut: fc.oneof({ weight: 6, arbitrary: fc.constant(0) }, fc.nat(20)),
    changes: fc.oneof(
      { weight: 2, arbitrary: fc.constant<[number, number][]>([]) },
      fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 4 }),
    ),
    rules,
  })
  .map(({ records, firstTimestamp, miscount, cut, changes, ...rest }): Walked => {
    const content = batchOf(records.map(({ delta, ...fields }) => ({ ...fields, timestamp: firstTimestamp + delta })))
    for (const [at, byte] of changes) content[61 + (at % (content.length - 61))] = byte
    return { content, start: 61, end: content.length - cut, recordCount: records.length + miscount, ...rest }
  })

test('short records and general records are judged alike, whatever they hold and whichever bytes were changed', () => {
  fc.assert(fc.property(walked, assertSame), { seed: 41, numRuns: 1500 })
})

test('each byte of a batch with each other value is judged alike both ways', () => {
  const content = batchOf([
    { timestamp: now, key: null, value: Buffer.from('one') },
    { timestamp: now + 70, key: Buffer.from('k'), value: null },
    { timestamp: now - 3, key: Buffer.alloc(64), value: Buffer.alloc(70) },
    { timestamp: now, value: Buffer.from('a last one that is long enough') },
  ])
  for (let at = 61; at < content.length; at++) {
    const before = content[at]!
    for (let byte = 0; byte < 256; byte++) {
      content[at] = byte
      const [start, end] = [61, content.length]
      assertSame({ content, start, end, baseTimestamp: now, recordCount: 4, rules: anyTime })
    }
    content[at] = before
  }
})

test('ordinary batches go the fast way from beginning to end', () => {
  const some = (count: number, fields: RecordFields) => Array.from({ length: count }, () => fields)
  assert.equal(shortCount(some(655, { timestamp: now, value: Buffer.alloc(100) })), 655)
  assert.equal(shortCount(some(20_000, { timestamp: now, key: Buffer.alloc(2), value: Buffer.alloc(10) })), 20_000)
  assert.equal(shortCount(some(8, { timestamp: now, key: Buffer.alloc(80), value: Buffer.alloc(8000) })), 8)
})

test('a record with headers, a large one or one without a key that needs it ends the fast way', () => {
  const value = Buffer.alloc(100)
  const plain: RecordFields = { timestamp: now, key: value, value }
  assert.equal(shortCount([plain, { ...plain, headers: [{ key: 'h', value: null }] }, plain]), 1)
  assert.equal(shortCount([plain, plain, { ...plain, value: Buffer.alloc(8192) }]), 2)
  assert.equal(shortCount([plain, { timestamp: now, value }, plain], true), 1)
  assert.equal(shortCount([plain, { ...plain, timestamp: now + 2 ** 27 }, plain]), 1)
})

test('a field of more bytes than a short record has is not mistaken for a shorter one', () => {
  const x = (count: number): number[] => Array.from({ length: count }, () => 0x55)
  const cases: [name: string, bytes: number[], problem: string | undefined][] = [
    ['a length of three bytes', [0x80, 0x80, 1, 0, 0, 0, 0xf2, 0x7f, ...x(8185), 0, 0], undefined],
    ['a time of five', [28, 0, 0x80, 0x80, 0x80, 0x80, 0, 0, 10, ...x(5), 0], 'a field reaches outside its record'],
  ]
  for (const [name, bytes, problem] of cases) {
    const content = Buffer.from(bytes)
    const rest = { content, start: 0, end: content.length, baseTimestamp: now, recordCount: 1, rules: anyTime }
    assertSame(rest)
    assert.equal(new RecordWalk(now, 1, anyTime).run(content, 0, rest.end), problem, name)
  }
})

test('an offset delta of four bytes is not mistaken for one of three', () => {
  const count = 2 ** 20
  const content = Buffer.alloc((count + 2) * 12)
  let at = 0
  for (let i = 0; i < count; i++) {
    const start = at++
    at = writeVarint(content, at + 2, i)
    content.set([1, 2, 0x55, 0], at)
    at += 4
    content[start] = (at - start - 1) * 2
  }
  const framing = [26, 0, 0, 0x80, 0x80, 0x80, 0x01]
  const rest = { content, start: 0, end: at + 14, baseTimestamp: now, recordCount: count + 1, rules: anyTime }
  for (const [fields, problem] of [
    [[1, 8, 0x55, 0x55, 0x55, 0x55, 0], undefined],
    [[10, 0x55, 0x55, 0x55, 0x55, 0x55, 0], 'a field reaches outside its record'],
  ] as const) {
    content.set([...framing, ...fields], at)
    assertSame(rest)
    assert.equal(new RecordWalk(now, count + 1, anyTime).run(content, 0, rest.end), problem)
  }
})
