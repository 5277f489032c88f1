/** The tables as the image that a node starts from. */
import type { DatabaseSync } from 'node:sqlite'
import type { CatalogImage, StoredConfig, StoredGroup, StoredOffset, StoredTopic } from './catalog.ts'

const TOPICS = 'SELECT topic_id AS id, name, partition_count AS partitionCount, created_ms AS createdMs FROM topics'
const CONFIGS = 'SELECT resource, resource_name AS resourceName, name, value FROM configs'
const GROUPS = 'SELECT group_id AS groupId, value FROM consumer_groups'
const OFFSETS = `
  SELECT group_id, topic, partition, committed_offset, leader_epoch, metadata, commit_timestamp_ms, expire_timestamp_ms
  FROM offsets ORDER BY group_id, topic, partition`

type OffsetRow = [string, string, number, number, number, string, number, number]

export function loadImage(db: DatabaseSync): CatalogImage {
  return { topics: rows<StoredTopic>(db, TOPICS), configs: rows<StoredConfig>(db, CONFIGS) }
}

export function loadGroups(db: DatabaseSync): readonly StoredGroup[] {
  const groups = new Map<string, { groupId: string; value: Uint8Array | undefined; offsets: StoredOffset[] }>()
  for (const { groupId, value } of iterate<{ groupId: string; value: Uint8Array }>(db, GROUPS))
    groups.set(groupId, { groupId, value, offsets: [] })
  for (const row of iterateOffsets(db)) {
    let group = groups.get(row[0])
    if (group === undefined) groups.set(row[0], (group = { groupId: row[0], value: undefined, offsets: [] }))
    group.offsets.push(offsetOf(row))
  }
  return [...groups.values()]
}

/** Offsets are by far the most rows, and as arrays they come in a third of the time. */
function iterateOffsets(db: DatabaseSync): Iterable<OffsetRow> {
  const statement = db.prepare(OFFSETS)
  statement.setReturnArrays(true)
  return statement.iterate() as Iterable<unknown> as Iterable<OffsetRow>
}

function offsetOf(row: OffsetRow): StoredOffset {
  const [, topic, partition, offset, leaderEpoch, metadata, commitTimestampMs, expireTimestampMs] = row
  return { topic, partition, offset, leaderEpoch, metadata, commitTimestampMs, expireTimestampMs }
}

function rows<Row>(db: DatabaseSync, sql: string): readonly Row[] {
  return [...iterate<Row>(db, sql)].map(row => ({ ...row }))
}

/** The columns are named as the type's fields and the tables are STRICT, so a row is what the type says. */
function iterate<Row>(db: DatabaseSync, sql: string): Iterable<Row> {
  return db.prepare(sql).iterate() as Iterable<unknown> as Iterable<Row>
}
