import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseProperties } from './properties-file.ts'

const pairs = (text: string) => parseProperties(text).map(({ name, value }) => [name, value])

test('equals sign, colon and blanks separate name and value', () => {
  assert.deepEqual(pairs('a=1\nb:2\nc 3\nd = 4\n  e\t:\t5\nf'), [
    ['a', '1'],
    ['b', '2'],
    ['c', '3'],
    ['d', '4'],
    ['e', '5'],
    ['f', ''],
  ])
})

test('only the first separator counts, and blanks at the end stay', () => {
  assert.deepEqual(pairs('a==1\nb=x:y=z \nc:=d'), [
    ['a', '=1'],
    ['b', 'x:y=z '],
    ['c', '=d'],
  ])
})

test('comments and empty lines are skipped, also with blanks before them', () => {
  assert.deepEqual(parseProperties('# a=1\n\n  ! b=2\r\nc=3'), [{ name: 'c', value: '3', line: 4 }])
})

test('a backslash at the end continues the line, two do not', () => {
  assert.deepEqual(parseProperties('a=1,\\\n   2,\\\r\n\t3\nb=\\\\\nc=4'), [
    { name: 'a', value: '1,2,3', line: 1 },
    { name: 'b', value: '\\', line: 4 },
    { name: 'c', value: '4', line: 5 },
  ])
  assert.deepEqual(pairs('a=1\\'), [['a', '1']])
})

test('a comment sign in a continuation belongs to the value', () => {
  assert.deepEqual(pairs('a=1\\\n#2'), [['a', '1#2']])
})

test('escapes are read in names and values', () => {
  assert.deepEqual(pairs('a\\=b\\ c=\\t\\u00e9\\n\\x\\:'), [['a=b c', '\té\nx:']])
})
