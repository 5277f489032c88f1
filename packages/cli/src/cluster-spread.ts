/** `millrace cluster spread`: partitions go to brokers that lead too few, such as one that is new. */
import type { PartitionDescription, Reassignment, TopicDescription } from '@millrace/client'
import { withAdmin } from './shared/admin-session.ts'
import type { Session } from './shared/session.ts'
import { formatCount } from './shared/units.ts'

export interface Move {
  readonly topic: string
  readonly partition: number
  readonly from: number
  readonly to: number
}

export function spreadPartitions(session: Session, { execute }: { readonly execute: boolean }): Promise<void> {
  return withAdmin(session, async admin => {
    const { out, signal } = session
    const { brokers } = await admin.cluster.describe({ signal })
    const names = (await admin.topics.list({ signal })).map(({ name }) => name)
    const topics = [...(await admin.topics.describe(names, { signal })).values()]
    const moves = planSpread(
      brokers.map(({ id }) => id),
      topics,
    )
    if (execute && moves.length > 0) await admin.replicas.reassign(moves.map(reassignmentOf), { signal })
    out.result(moves, () =>
      out.table(
        [
          { title: 'topic', cell: row => row.topic },
          { title: 'partition', cell: row => row.partition },
          { title: 'from', cell: row => row.from },
          { title: 'to', cell: row => row.to },
        ],
        moves,
      ),
    )
    const count = `${formatCount(moves.length)} ${moves.length === 1 ? 'partition' : 'partitions'}`
    if (moves.length === 0) out.note('every broker leads its share')
    else out.note(execute ? `${count} on the way` : `${count} would move: add --execute`)
  })
}

const reassignmentOf = ({ topic, partition, to }: Move): Reassignment => ({ topic, partition, replicas: [to] })

/**
 * The moves after which no broker leads two partitions more than another, of any topic and of all together. Only partitions with one replica are moved: where there
 * are more, their places are the administrator's choice.
 */
export function planSpread(
  brokerIds: readonly number[],
  topics: readonly Pick<TopicDescription, 'name' | 'partitions'>[],
): readonly Move[] {
  const ofAll = new Counts(brokerIds)
  const held = topics.map(({ name, partitions }) => new HeldTopic(name, partitions, ofAll))
  for (const topic of held) topic.even(brokerIds)
  for (;;) {
    const [most, least] = [ofAll.most(brokerIds), ofAll.least(brokerIds)]
    if (ofAll.of(most) - ofAll.of(least) < 2) break
    // Some topic has more there than here, else those sums could not differ so much.
    held.find(topic => topic.counts.of(most) > topic.counts.of(least))!.move(most, least)
  }
  return held.flatMap(topic => topic.moves())
}

class Counts {
  readonly #counts: Map<number, number>

  constructor(brokerIds: readonly number[]) {
    this.#counts = new Map(brokerIds.map(id => [id, 0]))
  }

  get brokerIds(): readonly number[] {
    return [...this.#counts.keys()]
  }

  of(id: number): number {
    return this.#counts.get(id) ?? 0
  }

  add(id: number, count: number): void {
    this.#counts.set(id, this.of(id) + count)
  }

  most(ids: readonly number[]): number {
    return ids.reduce((best, id) => (this.of(id) > this.of(best) ? id : best))
  }

  least(ids: readonly number[]): number {
    return ids.reduce((best, id) => (this.of(id) < this.of(best) ? id : best))
  }
}

/** Which broker is to lead each of a topic's partitions. */
class HeldTopic {
  readonly counts: Counts
  readonly #name: string
  readonly #before = new Map<number, number>()
  readonly #after: Map<number, number>
  readonly #ofAll: Counts

  constructor(name: string, partitions: readonly PartitionDescription[], ofAll: Counts) {
    this.#name = name
    this.#ofAll = ofAll
    this.counts = new Counts(ofAll.brokerIds)
    // One whose broker is away is left for it.
    for (const { partition, replicas, leaderId } of partitions)
      if (replicas.length === 1 && ofAll.brokerIds.includes(leaderId)) {
        this.#before.set(partition, leaderId)
        this.counts.add(leaderId, 1)
        ofAll.add(leaderId, 1)
      }
    this.#after = new Map(this.#before)
  }

  even(brokerIds: readonly number[]): void {
    for (;;) {
      const { counts } = this
      const most = counts.most(brokerIds)
      const fewest = counts.of(counts.least(brokerIds))
      if (counts.of(most) - fewest < 2) return
      this.move(most, this.#ofAll.least(brokerIds.filter(id => counts.of(id) === fewest)))
    }
  }

  move(from: number, to: number): void {
    const [partition] = [...this.#after].findLast(([, id]) => id === from)!
    this.#after.set(partition, to)
    for (const counts of [this.counts, this.#ofAll]) {
      counts.add(from, -1)
      counts.add(to, 1)
    }
  }

  moves(): Move[] {
    return [...this.#after].flatMap(([partition, to]) => {
      const from = this.#before.get(partition)!
      return from === to ? [] : [{ topic: this.#name, partition, from, to }]
    })
  }
}
