import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { silentLogger } from '@millrace/base'
import { openSqliteCatalog } from '@millrace/storage'
import { CATALOG_FILE } from '../../packages/cli/src/serve/open-engine.ts'
import { startDiskBroker } from './disk-broker.ts'
import { millrace } from './millrace.ts'

const root = mkdtempSync(join(tmpdir(), 'millrace-drop-'))
after(() => rmSync(root, { recursive: true, force: true }))

const openCatalog = (folder: string) =>
  openSqliteCatalog({ path: join(folder, CATALOG_FILE), nodeId: 1, logger: silentLogger })

test('records of transactional ids that cannot be read are shown, and dropped when that is asked for', async () => {
  const folder = join(root, 'data')
  const drop = ['transaction', 'drop', '--dir', folder]
  const { broker } = await startDiskBroker(folder)
  assert.match((await millrace(drop)).stderr, /is in use.*\nhint: stop the broker first/)
  await broker.stop()
  assert.deepEqual(await millrace(drop), {
    status: 0,
    stdout: '',
    stderr: 'every record can be read: there is nothing to drop\n',
  })

  const catalog = openCatalog(folder)
  const damaged = ['a', 'b'].map(transactionalId => ({
    kind: 'putTransaction' as const,
    transactionalId,
    value: Buffer.from([0, 9]),
  }))
  await catalog.write(damaged)
  catalog.close()

  const planned = await millrace(drop)
  assert.equal(planned.status, 1)
  assert.equal(planned.stdout, 'a: transaction record of version 9\nb: transaction record of version 9\n')
  assert.match(planned.stderr, /2 records to drop; nothing was changed/)
  assert.match((await millrace([...drop, 'c'])).stderr, /there is no transactional id 'c'/)
  const done = await millrace([...drop, 'a', '--execute'])
  assert.deepEqual([done.status, done.stderr], [0, '1 record dropped\n'])
  const again = openCatalog(folder)
  assert.deepEqual(
    (await again.loadTransactions()).map(({ transactionalId }) => transactionalId),
    ['b'],
  )
  again.close()
})
