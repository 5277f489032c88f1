import assert from 'node:assert/strict'
import { test } from 'node:test'
import { nearest } from './nearest.ts'
import { renderFields, renderTable } from './table.ts'

interface Row {
  readonly name: string | null
  readonly count: number | null
}
const columns = [
  { title: 'name', cell: (row: Row) => row.name },
  { title: 'count', cell: (row: Row) => row.count },
]

test('columns are as wide as their widest cell, numbers stand to the right, nothing trails', () => {
  const rows = [
    { name: 'orders', count: 7 },
    { name: 'größe', count: 12_345 },
  ]
  assert.equal(renderTable(columns, rows), 'NAME    COUNT\norders      7\ngröße   12345\n')
})

test('what is not there is a dash', () => {
  assert.equal(renderTable(columns, [{ name: null, count: null }]), 'NAME  COUNT\n-     -\n')
})

test('a table without rows is its heading', () => {
  assert.equal(renderTable(columns, []), 'NAME  COUNT\n')
})

test('control characters in names cannot reach the terminal', () => {
  assert.equal(renderTable(columns, [{ name: 'a\u001b[31m\nb', count: 1 }]), 'NAME      COUNT\na·[31m·b      1\n')
})

test('the heading alone is in colour, and only where it is asked for', () => {
  const coloured = renderTable(columns, [{ name: 'a', count: 1 }], true)
  assert.ok(coloured.startsWith('\u001b[1mNAME  COUNT\u001b[22m\na'))
})

test('fields are two columns without a heading', () => {
  assert.equal(
    renderFields([
      ['topic', 'a'],
      ['partitions', 3],
    ]),
    'topic       a\npartitions  3\n',
  )
})

test('the nearest name is one that a finger may have missed, and none where nothing is near', () => {
  const names = ['orders', 'invoices', 'payments']
  assert.equal(nearest('ordres', names), 'orders')
  assert.equal(nearest('Invoice', names), 'invoices')
  assert.equal(nearest('customers', names), undefined)
})
