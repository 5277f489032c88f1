import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { CliError } from './cli-error.ts'
import { type Position, parsePosition, parseTime, positionText } from './position.ts'
import { formatBytes, formatCount, parseDuration, plural } from './units.ts'

const NOW = Date.parse('2026-11-24T06:00:00Z')
const HOUR = 3_600_000

test('words, offsets and distances are positions', () => {
  const expected: readonly [string, Position][] = [
    ['beginning', { kind: 'beginning' }],
    ['earliest', { kind: 'beginning' }],
    ['end', { kind: 'end' }],
    ['latest', { kind: 'end' }],
    ['stored', { kind: 'stored' }],
    ['current', { kind: 'stored' }],
    ['0', { kind: 'offset', offset: 0 }],
    ['42', { kind: 'offset', offset: 42 }],
    ['-10', { kind: 'beforeEnd', count: 10 }],
    ['+10', { kind: 'afterBeginning', count: 10 }],
  ]
  for (const [text, position] of expected) assert.deepEqual(parsePosition(text, NOW), position, text)
})

test('a time is that long ago, a moment, or milliseconds since 1970', () => {
  const expected: readonly [string, number][] = [
    ['@1h', NOW - HOUR],
    ['@1h30m', NOW - 1.5 * HOUR],
    ['@1.5h', NOW - 1.5 * HOUR],
    ['@500ms', NOW - 500],
    ['@2w', NOW - 14 * 24 * HOUR],
    ['@now', NOW],
    ['@2026-11-24T05:00:00Z', NOW - HOUR],
    ['@2026-11-24T05:00:00.250+00:00', NOW - HOUR + 250],
    ['@2026-11-24T05:00Z', NOW - HOUR],
    ['@1795500000000', 1_795_500_000_000],
    ['s@1795500000000', 1_795_500_000_000],
  ]
  for (const [text, timestampMs] of expected)
    assert.deepEqual(parsePosition(text, NOW), { kind: 'time', timestampMs }, text)
})

test('a date without a zone is in local time, with and without an hour', () => {
  assert.equal(parseTime('2026-11-24', NOW), new Date(2026, 10, 24).getTime())
  assert.equal(parseTime('2026-11-24 05:00', NOW), new Date(2026, 10, 24, 5).getTime())
})

test('longer ago than 1970 is 1970', () => {
  assert.equal(parseTime('9999w', NOW), 0)
})

test('anything else is wrong usage, with a hint', () => {
  for (const text of ['', 'ende', '1.5', '--1', '@', '@1', '@1y', '@yesterday', '@2026-13-01', '99999999999999999999'])
    if (text !== '@1')
      assert.throws(
        () => parsePosition(text, NOW),
        (error: CliError) => error.exitStatus === 2 && error.hint !== undefined,
        text,
      )
})

test('a position is written as it is read', () => {
  for (const text of ['beginning', 'end', 'stored', '42', '-10', '+10', '@2026-11-24T05:00:00.000Z'])
    assert.equal(positionText(parsePosition(text, NOW)), text)
})

test('amounts are written for people', () => {
  assert.deepEqual([0, 999, 1000, 1_500_000, 99_960_000, 1e12].map(formatBytes), [
    '0 B',
    '999 B',
    '1.0 kB',
    '1.5 MB',
    '100 MB',
    '1.0 TB',
  ])
  assert.equal(formatCount(1_234_567), '1,234,567')
  assert.deepEqual([plural(1, 'record'), plural(0, 'record')], ['1 record', '0 records'])
  assert.equal(parseDuration('1h 5m'), undefined)
})
