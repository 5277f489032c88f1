/** The tables as the image that a node starts from. */
import type { DatabaseSync } from 'node:sqlite'
import type {
  CatalogImage,
  PendingOffset,
  StoredConfig,
  StoredFeatures,
  StoredGroup,
  StoredOffset,
  StoredPlacement,
  StoredTopic,
  StoredTransaction,
} from './catalog.ts'

const TOPICS = 'SELECT topic_id AS id, name, partition_count AS partitionCount, created_ms AS createdMs FROM topics'
const CONFIGS = 'SELECT resource, resource_name AS resourceName, name, value FROM configs'
const GROUPS = 'SELECT group_id AS groupId, value FROM consumer_groups'
const OFFSETS = `
  SELECT group_id, topic, partition, committed_offset, leader_epoch, metadata, commit_timestamp_ms, expire_timestamp_ms
  FROM offsets ORDER BY group_id, topic, partition`

const PENDING = `
  SELECT group_id AS groupId, producer_id AS producerId, topic, partition, committed_offset AS offset, leader_epoch AS leaderEpoch, metadata,
    commit_timestamp_ms AS commitTimestampMs, expire_timestamp_ms AS expireTimestampMs, sequence, superseded
  FROM pending_offsets`
const TRANSACTIONS = 'SELECT transactional_id AS transactionalId, value FROM transactions'
const PLACEMENTS = `
  SELECT topic_id AS topicId, partition, node_id AS nodeId, leader_epoch AS leaderEpoch, target_node_id AS targetNodeId, handover FROM placements`
const FEATURES = 'SELECT name, level, epoch FROM features'

type OffsetRow = [string, string, number, number, number, string, number, number]

export function loadImage(db: DatabaseSync): CatalogImage {
  return {
    topics: rows<StoredTopic>(db, TOPICS),
    configs: rows<StoredConfig>(db, CONFIGS),
    features: loadFeatures(db),
    placements: rows<StoredPlacement>(db, PLACEMENTS),
  }
}

export function loadTransactions(db: DatabaseSync): readonly StoredTransaction[] {
  return rows<StoredTransaction>(db, TRANSACTIONS)
}

function loadFeatures(db: DatabaseSync): StoredFeatures {
  const stored = rows<{ name: string; level: number; epoch: number }>(db, FEATURES)
  const levels = stored.map(({ name, level }) => ({ name, level }))
  return { levels, epoch: Math.max(0, ...stored.map(({ epoch }) => epoch)) }
}

export function loadGroups(db: DatabaseSync): readonly StoredGroup[] {
  const groups = new Map<string, LoadedGroup>()
  const groupOf = (groupId: string): LoadedGroup => {
    let group = groups.get(groupId)
    if (group === undefined) groups.set(groupId, (group = { groupId, value: undefined, offsets: [], pending: [] }))
    return group
  }
  for (const { groupId, value } of iterate<{ groupId: string; value: Uint8Array }>(db, GROUPS))
    groupOf(groupId).value = value
  for (const row of iterateOffsets(db)) groupOf(row[0]).offsets.push(offsetOf(row))
  for (const { groupId, producerId, sequence, superseded, ...offset } of iterate<PendingRow>(db, PENDING))
    groupOf(groupId).pending.push({ producerId, offset, sequence, isSuperseded: superseded !== 0 })
  return [...groups.values()]
}

interface PendingRow extends StoredOffset {
  readonly groupId: string
  readonly producerId: number
  readonly sequence: number
  readonly superseded: number
}

interface LoadedGroup {
  readonly groupId: string
  value: Uint8Array | undefined
  readonly offsets: StoredOffset[]
  readonly pending: PendingOffset[]
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
