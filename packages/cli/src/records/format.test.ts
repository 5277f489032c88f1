import assert from 'node:assert/strict'
import { test } from 'node:test'
import { CliError } from '../shared/cli-error.ts'
import { ByteSink } from './byte-sink.ts'
import { compileFormat, parseDelimiter } from './format.ts'
import type { ShownRecord } from './shown-record.ts'

const record: ShownRecord = {
  topic: 'orders',
  partition: 3,
  offset: 42,
  timestamp: 1_795_500_000_000,
  key: Buffer.from('k-1'),
  value: Buffer.from('grün'),
  headers: [
    { key: 'trace', value: Buffer.from('a') },
    { key: 'empty', value: null },
    { key: 'trace', value: Buffer.from('b"') },
  ],
}
const tombstone: ShownRecord = { ...record, key: null, value: null, headers: [] }

function bytesOf(format: string, shown = record): Buffer {
  const sink = new ByteSink(4)
  compileFormat(format)(shown, sink)
  return sink.take()
}
const textOf = (format: string, shown = record): string => bytesOf(format, shown).toString()

test('every directive of kcat writes its part of the record', () => {
  assert.equal(textOf('%t %p %o %k %s %S %K %T'), 'orders 3 42 k-1 grün 5 3 1795500000000')
  assert.equal(textOf('%v|%d'), 'grün|2026-11-24T06:00:00.000Z')
  assert.equal(textOf('%h'), 'trace=a,empty=NULL,trace=b"')
  assert.deepEqual(bytesOf('%R'), Buffer.from([0, 0, 0, 5]))
})

test('null keys and values are empty and have length -1', () => {
  assert.equal(textOf('[%k] [%s] %K %S [%h]', tombstone), '[] [] -1 -1 []')
  assert.deepEqual(bytesOf('%R', tombstone), Buffer.from([255, 255, 255, 255]))
  assert.equal(textOf('%s{json} %s{hex}.', tombstone), 'null .')
})

test('bytes can be written in another form', () => {
  assert.equal(textOf('%s{hex} %s{base64} %k{json}'), '6772c3bc6e Z3LDvG4= "k-1"')
  assert.equal(textOf('%h{trace} %h{trace:json} %h{none:json}'), 'b" "b\\"" null')
})

test('escapes and percent signs stand for themselves', () => {
  assert.equal(textOf('100%% \\n\\r\\t\\x41\\\\\\0'), '100% \n\r\tA\\\0')
})

test('values go out byte for byte, whatever they are', () => {
  const value = Buffer.from([0, 255, 10, 128])
  assert.deepEqual(bytesOf('%s', { ...record, value }), value)
})

test('a timestamp that no calendar has is a dash', () => {
  assert.equal(textOf('%d %T', { ...record, timestamp: -1 }), '- -1')
  assert.equal(textOf('%d', { ...record, timestamp: Number.MAX_SAFE_INTEGER }), '-')
})

test('what means nothing is refused with wrong usage and the word that is meant', () => {
  const refused: readonly [string, RegExp][] = [
    ['%q', /%q, which means nothing/],
    ['50%', /lone %/],
    ['a\\', /lone \\/],
    ['\\q', /\\q, which means nothing/],
    ['%s{rot13}', /%s\{rot13\} is not known/],
    ['%o{hex}', /%o takes no \{hex\}/],
  ]
  for (const [format, message] of refused)
    assert.throws(
      () => compileFormat(format),
      (error: CliError) => error.exitStatus === 2 && message.test(error.message),
      format,
    )
})

test('delimiters are unescaped and may be of any length', () => {
  assert.deepEqual(parseDelimiter('\\n'), Buffer.from('\n'))
  assert.deepEqual(parseDelimiter('\\x00\\xff'), Buffer.from([0, 255]))
  assert.deepEqual(parseDelimiter('--\\t--'), Buffer.from('--\t--'))
  assert.throws(() => parseDelimiter(''), CliError)
})
