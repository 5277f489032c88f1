/** A history by what it is about: each partition with its sends, reads and end, each group with its commits. */
import type {
  AssignedLine,
  CommitLine,
  DamagedLine,
  DeletedRecordsLine,
  FetchedOffsetsLine,
  FinalLine,
  FinalOffsetsLine,
  HistoryLine,
  OperationOutcome,
  ProducerIdLine,
  ReadLine,
  RunLine,
  SeekLine,
  SendLine,
  TopicLine,
} from './event.ts'

export interface Send {
  readonly line: SendLine
  outcome: OperationOutcome
  /** When the answer was there; infinite without one. */
  endedAt: number
  baseOffset: number
}

export interface Commit {
  readonly line: CommitLine
  /** From when on it may count. Of a transaction's: when its end was asked for. */
  at: number
  /** Of a transaction's: what became of the transaction. */
  outcome: OperationOutcome
  endedAt: number
}

export interface Transaction {
  readonly id: string
  readonly sends: Send[]
  readonly commits: Commit[]
  /** When the producer asked for the end; infinite if it never did. */
  endAt: number
  endedAt: number
  /** `committed` and `aborted` are known for sure. */
  fate: 'open' | 'committing' | 'aborting' | 'committed' | 'aborted'
}

export interface Partition {
  readonly key: string
  readonly topic: TopicLine
  readonly isGone: () => boolean
  readonly sends: Send[]
  readonly reads: ReadLine[]
  readonly deletions: DeletedRecordsLine[]
  readonly damages: DamagedLine[]
  final: FinalLine | undefined
  finalCommitted: FinalLine | undefined
}

export interface Group {
  readonly groupId: string
  readonly commits: Commit[]
  readonly assigned: AssignedLine[]
  readonly fetched: FetchedOffsetsLine[]
  final: FinalOffsetsLine | undefined
}

export interface HistoryIndex {
  readonly run: RunLine
  readonly partitions: ReadonlyMap<string, Partition>
  readonly groups: ReadonlyMap<string, Group>
  readonly transactions: ReadonlyMap<string, Transaction>
  readonly producerIds: readonly ProducerIdLine[]
  readonly sendOf: ReadonlyMap<string, Send>
  /** Reads and seeks of each reader and partition, in order. */
  readonly followed: ReadonlyMap<string, readonly (ReadLine | SeekLine)[]>
  readonly powerCutCount: number
  /** How many power cuts there had been. */
  eraOf(at: number): number
}

export const partitionKey = (topic: string, partition: number): string => `${topic}-${partition}`

/** A power cut may cost acknowledged records of this topic. */
export const isLossy = (topic: TopicLine): boolean => topic.flushMessages !== 1

/** A bit was flipped that may make the record at this offset unreadable. */
export const isDamaged = ({ damages }: Partition, offset: number): boolean =>
  damages.some(({ from, to }) => offset >= from && offset < to)

export function indexHistory(lines: readonly HistoryLine[]): HistoryIndex {
  const building = new Building()
  for (const line of lines) building.take(line)
  return building.finish()
}

class Building {
  readonly #topics = new Map<string, TopicLine>()
  readonly #gone = new Set<string>()
  readonly #partitions = new Map<string, Partition>()
  readonly #groups = new Map<string, Group>()
  readonly #transactions = new Map<string, Transaction>()
  readonly #sends = new Map<string, Send>()
  readonly #sendOf = new Map<string, Send>()
  readonly #commits = new Map<string, Commit>()
  readonly #producerIds: ProducerIdLine[] = []
  readonly #followed = new Map<string, (ReadLine | SeekLine)[]>()
  readonly #cuts: number[] = []
  #run: RunLine | undefined

  take(line: HistoryLine): void {
    switch (line.kind) {
      case 'run':
        this.#run = line
        return
      case 'topic':
        this.#topics.set(line.topic, line)
        return
      case 'topicGone':
        this.#gone.add(line.topic)
        return
      case 'fault':
        if (line.fault === 'powerCut') this.#cuts.push(line.at)
        return
      case 'damaged':
        this.#partition(line)?.damages.push(line)
        return
      case 'producerId':
        this.#producerIds.push(line)
        return
      case 'send':
      case 'sent':
        return this.#takeSend(line)
      case 'read':
        this.#partition(line)?.reads.push(line)
        return this.#follow(line)
      case 'seek':
        return this.#follow(line)
      case 'deletedRecords':
        this.#partition(line)?.deletions.push(line)
        return
      case 'final':
        return this.#takeFinal(line)
      case 'begin':
      case 'end':
      case 'ended':
        return this.#takeTransaction(line)
      default:
        return this.#takeGroup(line)
    }
  }

  finish(): HistoryIndex {
    if (this.#run === undefined) throw new Error('the history has no line that says of which run it is')
    const cuts = this.#cuts
    return {
      run: this.#run,
      partitions: this.#partitions,
      groups: this.#groups,
      transactions: this.#transactions,
      producerIds: this.#producerIds,
      sendOf: this.#sendOf,
      followed: this.#followed,
      powerCutCount: cuts.length,
      eraOf: at => cuts.filter(cut => cut < at).length,
    }
  }

  #takeSend(line: Extract<HistoryLine, { kind: 'send' | 'sent' }>): void {
    if (line.kind === 'sent') {
      const send = this.#sends.get(line.id)
      if (send === undefined) throw new Error(`an answer to a send that was not told: ${line.id}`)
      send.outcome = line.outcome
      send.endedAt = line.at
      send.baseOffset = line.baseOffset ?? -1
      return
    }
    const send: Send = { line, outcome: 'unknown', endedAt: Number.POSITIVE_INFINITY, baseOffset: -1 }
    this.#sends.set(line.id, send)
    for (const value of line.values) this.#sendOf.set(value, send)
    this.#partition(line)?.sends.push(send)
    if (line.transaction !== undefined) this.#transaction(line.transaction).sends.push(send)
  }

  #takeFinal(line: Extract<HistoryLine, { kind: 'final' }>): void {
    const partition = this.#partition(line)
    if (partition === undefined) return
    if (line.isolation === 'read_committed') partition.finalCommitted = line
    else partition.final = line
  }

  #takeTransaction(line: Extract<HistoryLine, { kind: 'begin' | 'end' | 'ended' }>): void {
    const transaction = this.#transaction(line.transaction)
    if (line.kind === 'begin') return
    if (line.kind === 'end') {
      transaction.fate = line.commit ? 'committing' : 'aborting'
      transaction.endAt = line.at
    } else if (line.outcome === 'acked') {
      transaction.fate = transaction.fate === 'committing' ? 'committed' : 'aborted'
      transaction.endedAt = line.at
    } else if (line.outcome === 'refused') transaction.fate = 'aborted'
  }

  #takeGroup(
    line: Extract<HistoryLine, { kind: 'assigned' | 'commit' | 'committed' | 'fetchedOffsets' | 'finalOffsets' }>,
  ): void {
    switch (line.kind) {
      case 'assigned':
        this.#group(line.group).assigned.push(line)
        return
      case 'fetchedOffsets':
        this.#group(line.group).fetched.push(line)
        return
      case 'finalOffsets':
        this.#group(line.group).final = line
        return
      case 'commit': {
        const commit: Commit = { line, at: line.at, outcome: 'unknown', endedAt: Number.POSITIVE_INFINITY }
        this.#commits.set(line.id, commit)
        this.#group(line.group).commits.push(commit)
        if (line.transaction !== undefined) this.#transaction(line.transaction).commits.push(commit)
        return
      }
      case 'committed': {
        const commit = this.#commits.get(line.id)
        if (commit === undefined) throw new Error(`an answer to a commit that was not told: ${line.id}`)
        commit.outcome = line.outcome
        commit.endedAt = line.at
        return
      }
      default:
        line satisfies never
    }
  }

  #follow(line: ReadLine | SeekLine): void {
    const key = `${line.client} ${partitionKey(line.topic, line.partition)}`
    const followed = this.#followed.get(key)
    if (followed === undefined) this.#followed.set(key, [line])
    else followed.push(line)
  }

  /** Undefined for a topic that the harness did not tell of: nothing is known of what it promises. */
  #partition({ topic, partition }: { topic: string; partition: number }): Partition | undefined {
    const key = partitionKey(topic, partition)
    const known = this.#partitions.get(key)
    const line = this.#topics.get(topic)
    if (known !== undefined || line === undefined) return known
    const made: Partition = {
      key,
      topic: line,
      isGone: () => this.#gone.has(topic),
      sends: [],
      reads: [],
      deletions: [],
      damages: [],
      final: undefined,
      finalCommitted: undefined,
    }
    this.#partitions.set(key, made)
    return made
  }

  #group(groupId: string): Group {
    let group = this.#groups.get(groupId)
    if (group === undefined) {
      group = { groupId, commits: [], assigned: [], fetched: [], final: undefined }
      this.#groups.set(groupId, group)
    }
    return group
  }

  #transaction(id: string): Transaction {
    let transaction = this.#transactions.get(id)
    if (transaction === undefined) {
      const never = Number.POSITIVE_INFINITY
      transaction = { id, sends: [], commits: [], endAt: never, endedAt: never, fate: 'open' }
      this.#transactions.set(id, transaction)
    }
    return transaction
  }
}
