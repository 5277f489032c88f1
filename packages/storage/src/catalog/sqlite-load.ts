/** The tables as the image that a node starts from. */
import type { DatabaseSync } from 'node:sqlite'
import type { CatalogImage, StoredConfig, StoredGroup, StoredOffset, StoredTopic } from './catalog.ts'

const TOPICS = 'SELECT topic_id AS id, name, partition_count AS partitionCount, created_ms AS createdMs FROM topics'
const CONFIGS = 'SELECT resource, resource_name AS resourceName, name, value FROM configs'
const GROUPS = 'SELECT group_id AS groupId, value FROM consumer_groups'
const OFFSETS = `
  SELECT group_id AS groupId, topic, partition, committed_offset AS offset, leader_epoch AS leaderEpoch, metadata,
    commit_timestamp_ms AS commitTimestampMs, expire_timestamp_ms AS expireTimestampMs
  FROM offsets ORDER BY group_id, topic, partition`

export function loadImage(db: DatabaseSync): CatalogImage {
  return { topics: rows<StoredTopic>(db, TOPICS), configs: rows<StoredConfig>(db, CONFIGS) }
}

export function loadGroups(db: DatabaseSync): readonly StoredGroup[] {
  const groups = new Map<string, { groupId: string; value: Uint8Array | undefined; offsets: StoredOffset[] }>()
  for (const { groupId, value } of iterate<{ groupId: string; value: Uint8Array }>(db, GROUPS))
    groups.set(groupId, { groupId, value, offsets: [] })
  for (const { groupId, ...offset } of iterate<StoredOffset & { groupId: string }>(db, OFFSETS)) {
    let group = groups.get(groupId)
    if (group === undefined) groups.set(groupId, (group = { groupId, value: undefined, offsets: [] }))
    group.offsets.push(offset)
  }
  return [...groups.values()]
}

function rows<Row>(db: DatabaseSync, sql: string): readonly Row[] {
  return [...iterate<Row>(db, sql)].map(row => ({ ...row }))
}

/** The columns are named as the type's fields and the tables are STRICT, so a row is what the type says. */
function iterate<Row>(db: DatabaseSync, sql: string): Iterable<Row> {
  return db.prepare(sql).iterate() as Iterable<unknown> as Iterable<Row>
}
