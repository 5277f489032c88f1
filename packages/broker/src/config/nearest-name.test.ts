import assert from 'node:assert/strict'
import { test } from 'node:test'
import { nearestName } from './nearest-name.ts'

const known = ['log.dirs', 'log.segment.bytes', 'num.partitions']

test('a slip of the pen finds the name that was meant', () => {
  assert.equal(nearestName('log.segment.byte', known), 'log.segment.bytes')
  assert.equal(nearestName('num_partitions', known), 'num.partitions')
  assert.equal(nearestName('LOG.DIR', known), 'log.dirs')
})

test('another word finds nothing', () => {
  assert.equal(nearestName('frobnicate', known), undefined)
  assert.equal(nearestName('x'.repeat(100_000), known), undefined)
})
