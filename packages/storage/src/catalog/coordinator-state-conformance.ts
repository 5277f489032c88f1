/** What every catalog must do with what coordinators keep in it: groups, offsets and transactional ids. Run by catalog-conformance.ts. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { CatalogChange, StoredOffset } from './catalog.ts'
import type { Open } from './catalog-conformance.ts'
import { putOffset, putPending } from './catalog-samples.ts'

export function groupRules(open: Open): void {
  test('groups come back with their value and offsets, and one that has only offsets has no value', async t => {
    const catalog = open(t)
    await catalog.write([
      { kind: 'putGroup', groupId: 'members', value: Buffer.from([1]) },
      { kind: 'putGroup', groupId: 'members', value: Buffer.from([2, 0, 3]) },
      { kind: 'putGroup', groupId: 'empty', value: new Uint8Array() },
      putOffset('offsets', 1, 10),
      putOffset('offsets', 1, 11),
      putOffset('offsets', 2, 20),
      putOffset('members', 0, 30),
    ])
    const groups = new Map((await catalog.loadGroups()).map(group => [group.groupId, group]))
    assert.deepEqual([...groups.keys()].sort(), ['empty', 'members', 'offsets'])
    assert.deepEqual([...(groups.get('members')?.value ?? [])], [2, 0, 3])
    assert.equal(groups.get('empty')?.value?.length, 0)
    assert.equal(groups.get('offsets')?.value, undefined)
    assert.deepEqual(
      groups.get('offsets')?.offsets.map(({ partition, offset }) => [partition, offset]),
      [
        [1, 11],
        [2, 20],
      ],
    )
  })

  test('an offset comes back with every field as it was given', async t => {
    const catalog = open(t)
    const offset: StoredOffset = {
      topic: 'Größe\0/-_.',
      partition: 2_147_483_647,
      offset: Number.MAX_SAFE_INTEGER,
      leaderEpoch: 7,
      metadata: 'mit \0 und 🌊',
      commitTimestampMs: 1_700_000_000_001,
      expireTimestampMs: 2 ** 52 + 1,
    }
    await catalog.write([{ kind: 'putOffset', groupId: '\0', offset }])
    const [group] = await catalog.loadGroups()
    assert.equal(group?.groupId, '\0')
    assert.deepEqual({ ...group?.offsets[0] }, offset)
  })

  test('a deleted group takes its offsets along and no other group’s', async t => {
    const catalog = open(t)
    await catalog.write([
      { kind: 'putGroup', groupId: 'g', value: Buffer.from('g') },
      putOffset('g', 0, 1),
      putOffset('h', 0, 2),
    ])
    await catalog.write([
      { kind: 'deleteGroup', groupId: 'g' },
      { kind: 'deleteGroup', groupId: 'never' },
    ])
    assert.deepEqual(
      (await catalog.loadGroups()).map(group => group.groupId),
      ['h'],
    )
  })

  test('a group is gone when its last offset is deleted and it has no value', async t => {
    const catalog = open(t)
    await catalog.write([putOffset('g', 0, 1), putOffset('g', 1, 1)])
    const drop = (partition: number): CatalogChange => ({
      kind: 'deleteOffset',
      groupId: 'g',
      topic: 'orders',
      partition,
    })
    await catalog.write([drop(0), drop(5)])
    assert.equal((await catalog.loadGroups())[0]?.offsets.length, 1)
    await catalog.write([drop(1)])
    assert.deepEqual(await catalog.loadGroups(), [])
  })
}

export function transactionRules(open: Open): void {
  test('transactional ids come back with what was stored last', async t => {
    const catalog = open(t)
    const put = (transactionalId: string, value: string): CatalogChange => ({
      kind: 'putTransaction',
      transactionalId,
      value: Buffer.from(value),
    })
    await catalog.write([put('a', '1'), put('b', '2'), put('a', '3')])
    await catalog.write([
      { kind: 'deleteTransaction', transactionalId: 'b' },
      { kind: 'deleteTransaction', transactionalId: 'never' },
    ])
    const stored = await catalog.loadTransactions()
    assert.deepEqual(
      stored.map(({ transactionalId, value }) => [transactionalId, Buffer.from(value).toString()]),
      [['a', '3']],
    )
  })

  test('pending offsets stand beside the others, each producer’s for itself', async t => {
    const catalog = open(t)
    await catalog.write([
      putPending('g', 1, 0, 10),
      putPending('g', 1, 0, 11),
      putPending('g', 1, 1, 20),
      putPending('g', 2, 0, 30),
      putPending('h', 1, 0, 40),
      putOffset('g', 0, 5),
    ])
    const pendingOf = async (id: string) => {
      const group = (await catalog.loadGroups()).find(({ groupId }) => groupId === id)
      return group?.pending.map(p => [p.producerId, p.offset.partition, p.sequence, p.isSuperseded]).sort()
    }
    assert.deepEqual(await pendingOf('g'), [
      [1, 0, 11, true],
      [1, 1, 20, false],
      [2, 0, 30, false],
    ])
    await catalog.write([
      { kind: 'deletePendingOffset', groupId: 'g', producerId: 2, topic: 'orders', partition: 0 },
      { kind: 'deletePendingOffset', groupId: 'g', producerId: 2, topic: 'orders', partition: 7 },
    ])
    assert.deepEqual(await pendingOf('g'), [
      [1, 0, 11, true],
      [1, 1, 20, false],
    ])
    assert.deepEqual(await pendingOf('h'), [[1, 0, 40, false]])
    await catalog.write([{ kind: 'deleteGroup', groupId: 'h' }])
    assert.equal(await pendingOf('h'), undefined)
  })

  test('a new catalog has transactions of version 2, and each change of a feature is counted', async t => {
    const catalog = open(t)
    const features = async () => {
      const { levels, epoch } = (await catalog.load()).features
      return [epoch, ...levels.map(({ name, level }) => `${name}=${level}`).sort()]
    }
    assert.deepEqual(await features(), [0, 'transaction.version=2'])
    await catalog.write([
      { kind: 'setFeature', name: 'transaction.version', level: 0 },
      { kind: 'setFeature', name: 'another', level: 1 },
    ])
    assert.deepEqual(await features(), [2, 'another=1', 'transaction.version=0'])
  })
}
