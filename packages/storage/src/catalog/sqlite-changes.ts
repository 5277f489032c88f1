/** Each kind of change as rows: one prepared statement a kind (two where rows go along with another). */
import type { DatabaseSync, StatementSync } from 'node:sqlite'
import type { CatalogChange, ConfigResource, PendingOffset, StoredOffset, StoredTopic } from './catalog.ts'
import { countNotRising, noSuchTopic, topicTaken } from './refusals.ts'
import { type PlacementChange, SqlitePlacements } from './sqlite-placements.ts'
import { collisionKey } from './topic-names.ts'

type SetConfig = Extract<CatalogChange, { readonly kind: 'setConfig' }>

type TransactionalChange = Extract<
  CatalogChange,
  {
    readonly kind:
      | 'putPendingOffset'
      | 'deletePendingOffset'
      | 'putTransaction'
      | 'deleteTransaction'
      | 'setFeature'
      | PlacementChange['kind']
  }
>

export class SqliteChanges {
  readonly #createTopic: StatementSync
  readonly #topicTaken: StatementSync
  readonly #topicById: StatementSync
  readonly #topicByName: StatementSync
  readonly #deleteTopic: StatementSync
  readonly #deleteConfigs: StatementSync
  readonly #setPartitionCount: StatementSync
  readonly #putConfig: StatementSync
  readonly #deleteConfig: StatementSync
  readonly #putGroup: StatementSync
  readonly #deleteGroup: StatementSync
  readonly #deleteOffsets: StatementSync
  readonly #putOffset: StatementSync
  readonly #deleteOffset: StatementSync
  readonly #putPendingOffset: StatementSync
  readonly #deletePendingOffset: StatementSync
  readonly #deleteGroupPending: StatementSync
  readonly #putTransaction: StatementSync
  readonly #deleteTransaction: StatementSync
  readonly #setFeature: StatementSync
  readonly #placements: SqlitePlacements

  constructor(db: DatabaseSync) {
    this.#createTopic = db.prepare('INSERT INTO topics VALUES (?, ?, ?, ?)')
    this.#topicTaken = db.prepare("SELECT 1 FROM topics WHERE topic_id = ? OR replace(name, '.', '_') = ?")
    this.#topicById = db.prepare('SELECT name, partition_count AS partitionCount FROM topics WHERE topic_id = ?')
    this.#topicByName = db.prepare('SELECT 1 FROM topics WHERE name = ?')
    this.#deleteTopic = db.prepare('DELETE FROM topics WHERE topic_id = ?')
    this.#deleteConfigs = db.prepare('DELETE FROM configs WHERE resource = ? AND resource_name = ?')
    this.#setPartitionCount = db.prepare('UPDATE topics SET partition_count = ? WHERE topic_id = ?')
    this.#putConfig = db.prepare(
      'INSERT INTO configs VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET value = excluded.value',
    )
    this.#deleteConfig = db.prepare('DELETE FROM configs WHERE resource = ? AND resource_name = ? AND name = ?')
    this.#putGroup = db.prepare(
      'INSERT INTO consumer_groups VALUES (?, ?) ON CONFLICT DO UPDATE SET value = excluded.value',
    )
    this.#deleteGroup = db.prepare('DELETE FROM consumer_groups WHERE group_id = ?')
    this.#deleteOffsets = db.prepare('DELETE FROM offsets WHERE group_id = ?')
    this.#putOffset = db.prepare('INSERT OR REPLACE INTO offsets VALUES (?, ?, ?, ?, ?, ?, ?, ?)')
    this.#deleteOffset = db.prepare('DELETE FROM offsets WHERE group_id = ? AND topic = ? AND partition = ?')
    this.#putPendingOffset = db.prepare(
      'INSERT OR REPLACE INTO pending_offsets VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)',
    )
    this.#deletePendingOffset = db.prepare(
      'DELETE FROM pending_offsets WHERE group_id = ? AND producer_id = ? AND topic = ? AND partition = ?',
    )
    this.#deleteGroupPending = db.prepare('DELETE FROM pending_offsets WHERE group_id = ?')
    this.#putTransaction = db.prepare(
      'INSERT INTO transactions VALUES (?, ?) ON CONFLICT DO UPDATE SET value = excluded.value',
    )
    this.#deleteTransaction = db.prepare('DELETE FROM transactions WHERE transactional_id = ?')
    this.#setFeature = db.prepare(
      'INSERT OR REPLACE INTO features VALUES (?, ?, (SELECT coalesce(max(epoch), 0) + 1 FROM features))',
    )
    this.#placements = new SqlitePlacements(db)
  }

  apply(change: CatalogChange): void {
    switch (change.kind) {
      case 'createTopic':
        return this.#applyCreateTopic(change.topic)
      case 'deleteTopic':
        return this.#applyDeleteTopic(change.topicId)
      case 'setPartitionCount':
        return this.#applySetPartitionCount(change.topicId, change.partitionCount)
      case 'setConfig':
        return this.#applySetConfig(change)
      case 'putGroup':
        this.#putGroup.run(change.groupId, change.value)
        return
      case 'deleteGroup':
        this.#deleteGroup.run(change.groupId)
        this.#deleteOffsets.run(change.groupId)
        this.#deleteGroupPending.run(change.groupId)
        return
      case 'putOffset':
        this.#putOffset.run(change.groupId, ...offsetColumns(change.offset))
        return
      case 'deleteOffset':
        this.#deleteOffset.run(change.groupId, change.topic, change.partition)
        return
      default:
        return this.#applyTransactional(change)
    }
  }

  #applyTransactional(change: TransactionalChange): void {
    switch (change.kind) {
      case 'putPendingOffset':
        return this.#applyPutPending(change.groupId, change.pending)
      case 'deletePendingOffset':
        this.#deletePendingOffset.run(change.groupId, change.producerId, change.topic, change.partition)
        return
      case 'putTransaction':
        this.#putTransaction.run(change.transactionalId, change.value)
        return
      case 'deleteTransaction':
        this.#deleteTransaction.run(change.transactionalId)
        return
      case 'setFeature':
        this.#setFeature.run(change.name, change.level)
        return
      case 'setLeader':
      case 'setMoveTarget':
        return this.#placements.apply(change)
      default:
        change satisfies never
    }
  }

  #applyPutPending(groupId: string, { producerId, offset, sequence, isSuperseded }: PendingOffset): void {
    this.#putPendingOffset.run(groupId, producerId, ...offsetColumns(offset), sequence, isSuperseded ? 1 : 0)
  }

  #applyCreateTopic({ id, name, partitionCount, createdMs }: StoredTopic): void {
    if (this.#topicTaken.get(id, collisionKey(name)) !== undefined) throw topicTaken(id, name)
    this.#createTopic.run(id, name, partitionCount, createdMs)
  }

  #applyDeleteTopic(topicId: string): void {
    const topic = this.#topic(topicId)
    this.#deleteTopic.run(topicId)
    this.#placements.forget(topicId)
    this.#deleteConfigs.run('topic' satisfies ConfigResource, topic.name)
  }

  #applySetPartitionCount(topicId: string, partitionCount: number): void {
    const topic = this.#topic(topicId)
    if (partitionCount <= topic.partitionCount) throw countNotRising(topic.name, topic.partitionCount, partitionCount)
    this.#setPartitionCount.run(partitionCount, topicId)
  }

  #applySetConfig({ resource, resourceName, name, value }: SetConfig): void {
    if (resource === 'topic' && this.#topicByName.get(resourceName) === undefined) throw noSuchTopic(resourceName)
    if (value === null) this.#deleteConfig.run(resource, resourceName, name)
    else this.#putConfig.run(resource, resourceName, name, value)
  }

  #topic(topicId: string): Pick<StoredTopic, 'name' | 'partitionCount'> {
    const row = this.#topicById.get(topicId)
    if (row === undefined) throw noSuchTopic(topicId)
    return row as unknown as Pick<StoredTopic, 'name' | 'partitionCount'>
  }
}

type OffsetColumns = [string, number, number, number, string, number, number]

const offsetColumns = (o: StoredOffset): OffsetColumns => [
  o.topic,
  o.partition,
  o.offset,
  o.leaderEpoch,
  o.metadata,
  o.commitTimestampMs,
  o.expireTimestampMs,
]
