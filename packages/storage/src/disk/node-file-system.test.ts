import assert from 'node:assert/strict'
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { nodeFileSystem } from './node-file-system.ts'

test('a folder is made with all that lead to it, and one that is there is left alone', t => {
  const root = mkdtempSync(join(tmpdir(), 'node-file-system-'))
  t.after(() => rmSync(root, { recursive: true }))
  const deep = join(root, 'a/b/c')
  nodeFileSystem.makeFolder(deep)
  nodeFileSystem.makeFolder(deep)
  assert.ok(existsSync(deep))
})

test('a folder that cannot be is refused and not tried for ever (with /proc)', {
  skip: !existsSync('/proc/self'),
}, () => {
  assert.throws(() => nodeFileSystem.makeFolder('/proc/nope/data'), { name: 'StorageError', path: '/proc/nope/data' })
})

test('a file is no folder', t => {
  const root = mkdtempSync(join(tmpdir(), 'node-file-system-'))
  t.after(() => rmSync(root, { recursive: true }))
  writeFileSync(join(root, 'file'), '')
  const file = join(root, 'file')
  assert.throws(() => nodeFileSystem.makeFolder(file), {
    name: 'StorageError',
    message: `${file} is there already and is not a folder`,
  })
  assert.throws(() => nodeFileSystem.makeFolder(`${file}/below`), {
    name: 'StorageError',
    message: `${file}/below is not a folder`,
  })
})

// Root may write everywhere, but not in /proc.
test('a folder that cannot be written says so when it is locked (with /proc)', {
  skip: !existsSync('/proc/self'),
}, () => {
  assert.throws(() => nodeFileSystem.lock('/proc/self/.lock'), {
    name: 'StorageError',
    message: '/proc/self/.lock may not be read or written by this user',
  })
})
