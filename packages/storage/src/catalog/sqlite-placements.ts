/** Which node leads a partition, as rows. */
import type { DatabaseSync, StatementSync } from 'node:sqlite'
import { type CatalogChange, NO_NODE } from './catalog.ts'
import { epochNotRising, noSuchTopic, notPlaced } from './refusals.ts'

export type PlacementChange = Extract<CatalogChange, { readonly kind: 'setLeader' | 'setMoveTarget' }>

interface Row {
  readonly leaderEpoch: number
  readonly targetNodeId: number
}

export class SqlitePlacements {
  readonly #topicById: StatementSync
  readonly #get: StatementSync
  readonly #put: StatementSync
  readonly #setTarget: StatementSync
  readonly #forget: StatementSync

  constructor(db: DatabaseSync) {
    this.#topicById = db.prepare('SELECT 1 FROM topics WHERE topic_id = ?')
    this.#get = db.prepare(
      'SELECT leader_epoch AS leaderEpoch, target_node_id AS targetNodeId FROM placements WHERE topic_id = ? AND partition = ?',
    )
    this.#put = db.prepare('INSERT OR REPLACE INTO placements VALUES (?, ?, ?, ?, ?, ?)')
    this.#setTarget = db.prepare('UPDATE placements SET target_node_id = ? WHERE topic_id = ? AND partition = ?')
    this.#forget = db.prepare('DELETE FROM placements WHERE topic_id = ?')
  }

  apply(change: PlacementChange): void {
    if (change.kind === 'setLeader') return this.#setLeader(change.placement)
    const { topicId, partition, targetNodeId } = change
    if (this.#setTarget.run(targetNodeId, topicId, partition).changes === 0) throw notPlaced(topicId, partition)
  }

  forget(topicId: string): void {
    this.#forget.run(topicId)
  }

  #setLeader(placement: Extract<PlacementChange, { kind: 'setLeader' }>['placement']): void {
    const { topicId, partition, nodeId, leaderEpoch, handover } = placement
    if (this.#topicById.get(topicId) === undefined) throw noSuchTopic(topicId)
    const before = this.#get.get(topicId, partition) as Row | undefined
    if (before !== undefined && leaderEpoch <= before.leaderEpoch)
      throw epochNotRising(partition, before.leaderEpoch, leaderEpoch)
    const target = before?.targetNodeId === nodeId ? NO_NODE : (before?.targetNodeId ?? NO_NODE)
    this.#put.run(topicId, partition, nodeId, leaderEpoch, target, handover)
  }
}
