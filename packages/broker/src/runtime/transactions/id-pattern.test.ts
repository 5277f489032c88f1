import assert from 'node:assert/strict'
import { test } from 'node:test'
import { matchingIds } from './id-pattern.ts'

const ids = ['orders-1', 'orders-22', 'payments-1', '']

test('a pattern has to match the whole id', () => {
  assert.deepEqual(matchingIds('orders-.', ids), ['orders-1'])
  assert.deepEqual(matchingIds('.*-1|x', ids), ['orders-1', 'payments-1'])
  assert.deepEqual(matchingIds('', ids), [''])
})

test('what is no pattern, or would take for ever, is told', () => {
  assert.equal(matchingIds('(', ids), undefined)
  assert.equal(matchingIds('(a+)+', [`${'a'.repeat(40)}b`]), undefined)
})
