/** What tests of catalogs put in, and all that a catalog holds. */
import type { Catalog, CatalogChange, StoredOffset, StoredTopic } from './catalog.ts'

export const orders: StoredTopic = {
  id: 'AAAAAAAAAAAAAAAAAAAAAQ',
  name: 'orders',
  partitionCount: 3,
  createdMs: 1_700_000_000_000,
}
export const payments: StoredTopic = { ...orders, id: 'AAAAAAAAAAAAAAAAAAAAAg', name: 'payments' }

export function offsetOf(partition: number, offset: number): StoredOffset {
  return {
    topic: 'orders',
    partition,
    offset,
    leaderEpoch: -1,
    metadata: '',
    commitTimestampMs: 1_700_000_000_000,
    expireTimestampMs: -1,
  }
}

export function putOffset(groupId: string, partition: number, offset: number): CatalogChange {
  return { kind: 'putOffset', groupId, offset: offsetOf(partition, offset) }
}

export function setConfig(
  resource: 'topic' | 'broker' | 'group',
  resourceName: string,
  name: string,
  value: string | null,
): CatalogChange {
  return { kind: 'setConfig', resource, resourceName, name, value }
}

/** All that the catalog holds, in one order. */
export async function contentsOf(catalog: Catalog): Promise<unknown> {
  const { topics, configs, features } = await catalog.load()
  const groups = await catalog.loadGroups()
  const transactions = await catalog.loadTransactions()
  const sorted = (values: readonly unknown[]): readonly string[] => values.map(value => JSON.stringify(value)).sort()
  return {
    features: [features.epoch, sorted(features.levels.map(({ name, level }) => [name, level]))],
    transactions: sorted(
      transactions.map(({ transactionalId, value }) => [transactionalId, Buffer.from(value).toString('hex')]),
    ),
    topics: sorted(topics.map(({ id, name, partitionCount, createdMs }) => [id, name, partitionCount, createdMs])),
    configs: sorted(configs.map(({ resource, resourceName, name, value }) => [resource, resourceName, name, value])),
    groups: sorted(
      groups.map(({ groupId, value, offsets, pending }) => [
        groupId,
        value && Buffer.from(value).toString('hex'),
        sorted(offsets.map(fieldsOf)),
        sorted(pending.map(p => [p.producerId, p.sequence, p.isSuperseded, fieldsOf(p.offset)])),
      ]),
    ),
  }
}

const fieldsOf = (o: StoredOffset): unknown => Object.entries(o).sort()

export function putPending(groupId: string, producerId: number, partition: number, offset: number): CatalogChange {
  const pending = { producerId, offset: offsetOf(partition, offset), sequence: offset, isSuperseded: offset % 2 === 1 }
  return { kind: 'putPendingOffset', groupId, pending }
}
