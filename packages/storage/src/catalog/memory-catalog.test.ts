import assert from 'node:assert/strict'
import { test } from 'node:test'
import { catalogConformance } from './catalog-conformance.ts'
import { openMemoryCatalog } from './memory-catalog.ts'

catalogConformance('memory', {
  open(t) {
    const catalog = openMemoryCatalog()
    t.after(() => catalog.close())
    return catalog
  },
})

test('a memory catalog takes the cluster id that it is given', () => {
  assert.equal(openMemoryCatalog({ clusterId: 'MkU3OEVBNTcwNTJENDM2Qk' }).clusterId, 'MkU3OEVBNTcwNTJENDM2Qk')
})
