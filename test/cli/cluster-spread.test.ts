import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { startTestCluster } from '@millrace/testkit'
import { millraceAt } from './millrace.ts'

const dir = await mkdtemp(join(tmpdir(), 'millrace-spread-'))
after(() => rm(dir, { recursive: true, force: true }))

test('a node that is new gets partitions of the topics that are there, with their records', async () => {
  {
    await using before = await startTestCluster({ dir })
    const run = millraceAt(before.port(1))
    await run('topic create orders -p 6')
    await run('produce orders -p 5', { stdin: 'a\nb\n' })
  }
  await using cluster = await startTestCluster({ dir, nodeIds: [1, 2, 3] })
  const run = millraceAt(cluster.port(1))
  const shown = await run('cluster spread')
  assert.match(shown.stdout, /^TOPIC +PARTITION +FROM +TO\norders +4 +1 +3\norders +5 +2 +3\n$/)
  assert.equal(shown.stderr, '2 partitions would move: add --execute\n')
  assert.equal((await run('cluster spread --execute')).stderr, '2 partitions on the way\n')
  const leaders = async (): Promise<number[]> =>
    JSON.parse((await run('topic describe orders --output json')).stdout)[0].partitions.map(
      ({ leader }: { readonly leader: number }) => leader,
    )
  while ((await leaders()).filter(id => id === 3).length < 2);
  assert.deepEqual(await run('consume orders -p 5 -e'), { status: 0, stdout: 'a\nb\n', stderr: '' })
  assert.deepEqual(await run('cluster spread --output json'), {
    status: 0,
    stdout: '[]\n',
    stderr: 'every broker leads its share\n',
  })
})
