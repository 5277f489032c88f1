/** Committed offsets as a register that members write and read, who owned what, and whether what was committed had been given to anybody. */
import type { Anomaly, Finding } from './anomaly.ts'
import type { FetchedOffsetsLine, FinalOffsetsLine, IsolationName } from './event.ts'
import { type Commit, type Group, type HistoryIndex, isDamaged, isLossy, partitionKey } from './history-index.ts'

export function checkGroups(index: HistoryIndex): Finding[] {
  return [...index.groups.values()].flatMap(group => new GroupCheck(index, group).run())
}

class GroupCheck {
  readonly #index: HistoryIndex
  readonly #group: Group
  readonly #commitsOf = new Map<string, { readonly commit: Commit; readonly offset: number }[]>()
  readonly #findings: Finding[] = []

  constructor(index: HistoryIndex, group: Group) {
    this.#index = index
    this.#group = group
    for (const commit of group.commits)
      for (const [topic, partition, offset] of commit.line.offsets) {
        const key = partitionKey(topic, partition)
        const commits = this.#commitsOf.get(key)
        if (commits === undefined) this.#commitsOf.set(key, [{ commit, offset }])
        else commits.push({ commit, offset })
      }
  }

  run(): Finding[] {
    const { fetched, final } = this.#group
    for (const line of fetched) this.#checkFetched(line, line.began)
    if (final !== undefined) {
      this.#checkFetched(final, final.at)
      this.#checkProcessed(final)
    }
    this.#checkOwners()
    this.#checkZombies()
    return this.#findings
  }

  /** What is read was written, and not overwritten by a commit that was over before the read began. */
  #checkFetched(line: FetchedOffsetsLine | FinalOffsetsLine, began: number): void {
    for (const [topic, partition, offset] of line.offsets) {
      const key = partitionKey(topic, partition)
      const commits = this.#commitsOf.get(key) ?? []
      const acked = commits.filter(({ commit }) => commit.outcome === 'acked' && this.#binds(commit, began))
      const who = line.kind === 'finalOffsets' ? 'at the end' : 'a member read'
      if (offset < 0) {
        const lost = acked.at(-1)
        if (lost !== undefined) this.#tell('offset lost', `${key}: ${who} none, and ${lost.offset} was committed`)
        continue
      }
      const written = commits.filter(({ commit, offset: other }) => other === offset && commit.at <= line.at)
      if (written.length === 0) this.#tell('offset invented', `${key}: ${who} ${offset}, which nobody committed`)
      else if (
        written.every(({ commit }) => acked.some(later => isOver(commit, later.commit)) || commit.outcome === 'refused')
      ) {
        const newest = acked.at(-1)
        if (written.some(({ commit }) => commit.outcome !== 'refused') || newest !== undefined)
          this.#tell('offset lost', `${key}: ${who} ${offset}, and ${newest?.offset} was committed since`)
        else this.#tell('offset invented', `${key}: ${who} ${offset}, whose commit was refused`)
      }
    }
  }

  /** Whether what was acknowledged must still be there. */
  #binds(commit: Commit, began: number): boolean {
    if (commit.endedAt >= began) return false
    return this.#index.run.catalogIsDurable || this.#index.eraOf(commit.at) === this.#index.eraOf(began)
  }

  #checkProcessed(final: FinalOffsetsLine): void {
    const given = new Map<string, Set<number>>()
    let isolation: IsolationName = 'read_uncommitted'
    for (const { key, reads } of this.#index.partitions.values()) {
      const offsets = new Set<number>()
      for (const read of reads)
        if (read.group === this.#group.groupId) {
          isolation = read.isolation
          for (const [offset] of read.records) offsets.add(offset)
        }
      given.set(key, offsets)
    }
    for (const [topic, number, committed] of final.offsets) {
      const partition = this.#index.partitions.get(partitionKey(topic, number))
      const end = isolation === 'read_committed' ? partition?.finalCommitted : partition?.final
      if (partition === undefined || end === undefined) continue
      if (isLossy(partition.topic) && this.#index.powerCutCount > 0) continue
      const missed = end.records.find(
        ([offset]) => offset < committed && !given.get(partition.key)!.has(offset) && !isDamaged(partition, offset),
      )
      if (missed !== undefined)
        this.#tell(
          'unprocessed',
          `${partition.key}: ${committed} is committed, and nobody was given ${missed[1]} at ${missed[0]}`,
        )
    }
  }

  #checkOwners(): void {
    const owners = new Map<string, string>()
    for (const { generation, member, partitions, at, began = at } of this.#group.assigned)
      for (const [topic, partition] of partitions) {
        const key = `${this.#eraOf(began)}:${generation}:${partitionKey(topic, partition)}`
        const owner = owners.get(key)
        if (owner !== undefined && owner !== member)
          this.#tell('two owners', `${owner} and ${member} own ${topic}-${partition} in generation ${generation}`)
        owners.set(key, member)
      }
  }

  #checkZombies(): void {
    const newest: { readonly at: number; readonly began: number; readonly generation: number }[] = []
    for (const { at, began = at, generation } of this.#group.assigned)
      if (generation > (newest.at(-1)?.generation ?? -1)) newest.push({ at, began, generation })
    for (const { line, outcome } of this.#group.commits) {
      if (outcome !== 'acked' || line.generation < 0 || line.transaction !== undefined) continue
      const later = newest.find(
        ({ at, began, generation }) =>
          generation > line.generation && at < line.at && this.#eraOf(began) === this.#eraOf(line.at),
      )
      if (later !== undefined)
        this.#tell(
          'zombie commit',
          `${line.member} committed in generation ${line.generation}, after ${later.generation} began`,
        )
    }
  }

  /** A generation may come again where the catalog forgets. */
  #eraOf(at: number): number {
    return this.#index.run.catalogIsDurable ? 0 : this.#index.eraOf(at)
  }

  #tell(anomaly: Anomaly, message: string): void {
    this.#findings.push({ anomaly, message: `group ${this.#group.groupId}: ${message}` })
  }
}

/** Whether `later` was written after `earlier` for sure. One without an answer may be written late, but not by a generation that is over. */
function isOver(earlier: Commit, later: Commit): boolean {
  if (earlier === later) return false
  if (earlier.endedAt < later.at && earlier.outcome !== 'unknown') return true
  return earlier.line.generation >= 0 && earlier.line.generation < later.line.generation
}
