import assert from 'node:assert/strict'
import { test } from 'node:test'
import { silentLogger, systemClock } from '@millrace/base'
import { FaultFileSystem } from '@millrace/testkit/fault-file-system'
import { emptyCatalog } from '../sample-catalog.ts'
import { openDiskEngine } from './disk-engine.ts'

test('an engine that is closed before it was started leaves no marker of a clean stop', async () => {
  const fs = new FaultFileSystem()
  const engine = await openDiskEngine({
    dirs: ['/data'],
    catalog: emptyCatalog,
    clock: systemClock,
    logger: silentLogger,
    fs,
  })
  await engine.close()
  assert.deepEqual(
    fs.list('/data').filter(name => name.endsWith('shutdown') || name.endsWith('checkpoint')),
    [],
  )
})
