/** What was acknowledged or read, held against what is there at the end. */
import type { Anomaly, Finding } from './anomaly.ts'
import type { FinalLine } from './event.ts'
import { type HistoryIndex, isDamaged, isLossy, type Partition, type Send } from './history-index.ts'

export function checkLogs(index: HistoryIndex): Finding[] {
  return [...index.partitions.values()].flatMap(partition => {
    const { final } = partition
    return final === undefined || partition.isGone() ? [] : new LogCheck(index, partition, final).run()
  })
}

/** A value that was seen at an offset before the end. */
interface Sighting {
  readonly offset: number
  readonly value: string
  readonly era: number
  readonly kind: 'acked' | 'read'
  /** It was asked for before a power cut and answered after it. */
  readonly spansCut: boolean
}

class LogCheck {
  readonly #index: HistoryIndex
  readonly #partition: Partition
  readonly #final: FinalLine
  readonly #at: ReadonlyMap<number, string>
  readonly #offsetsOf = new Map<string, number[]>()
  readonly #findings: Finding[] = []
  /** A power cut may have cost something here. */
  readonly #mayHaveLost: boolean
  #markers: ReadonlySet<number> | undefined

  constructor(index: HistoryIndex, partition: Partition, final: FinalLine) {
    this.#index = index
    this.#partition = partition
    this.#final = final
    this.#at = new Map(final.records)
    this.#mayHaveLost = isLossy(partition.topic) && index.powerCutCount > 0
    for (const [offset, value] of final.records) {
      const offsets = this.#offsetsOf.get(value)
      if (offsets === undefined) this.#offsetsOf.set(value, [offset])
      else offsets.push(offset)
    }
  }

  run(): Finding[] {
    this.#checkEnd()
    this.#checkStart()
    const sightings = this.#sightings()
    const missing = sightings.filter(sighting => !this.#isThere(sighting))
    const excused = missing.filter(({ era }) => this.#mayHaveLost && era < this.#index.powerCutCount)
    for (const sighting of missing) if (!excused.includes(sighting)) this.#tellMissing(sighting)
    if (excused.length > 0) this.#checkExcused(excused, sightings)
    this.#checkUnplaced()
    this.#checkAgreement(sightings)
    this.#checkOrder()
    return this.#findings
  }

  /** What is there by itself: rising, whole, sent by somebody, and once. */
  #checkEnd(): void {
    const { records, highWatermark, logStart } = this.#final
    let next = logStart
    for (const [offset, value] of records) {
      if (offset < next) this.#tell('two at one offset', `${value} at ${offset}, where ${next} was due`)
      else if (this.#isGap(next, offset)) this.#tell('gap', `nothing from ${next} to ${offset}`)
      next = Math.max(next, offset + 1)
      const send = this.#index.sendOf.get(value)
      if (send === undefined || send.outcome === 'refused')
        this.#tell('phantom', `${value} at ${offset} was ${send === undefined ? 'never sent' : 'refused'}`)
    }
    if (this.#isGap(next, highWatermark))
      this.#tell('gap', `nothing from ${next} to the high watermark ${highWatermark}`)
    for (const [value, offsets] of this.#offsetsOf)
      if (offsets.length > 1 && this.#index.sendOf.get(value)?.line.idempotent === true)
        this.#tell('duplicate', `${value} at ${offsets.join(' and ')}`)
  }

  /** Something is missing that is no marker, and was not compacted away or damaged. */
  #isGap(from: number, to: number): boolean {
    const { sends, topic } = this.#partition
    const { markers } = this.#final
    const isOpen = markers === undefined && sends.some(({ line }) => line.transaction !== undefined)
    if (from >= to || isOpen || topic.compacts === true) return false
    this.#markers ??= new Set(markers)
    for (let offset = from; offset < to; offset++)
      if (!this.#markers.has(offset) && !isDamaged(this.#partition, offset)) return true
    return false
  }

  #checkStart(): void {
    const { logStart } = this.#final
    const { topic, deletions, reads } = this.#partition
    // The name of the first file may never have reached the device, and that of the next one has.
    const mayBeginLater = topic.flushMessages === null && this.#index.powerCutCount > 0
    if (!topic.shrinks && !mayBeginLater && logStart > 0)
      this.#tell('lost', `the log starts at ${logStart}, and nothing may shrink it`)
    const deleted = Math.max(0, ...deletions.map(line => line.logStart))
    if (logStart < deleted) this.#tell('undeleted', `the log starts at ${logStart}, below ${deleted}`)
    for (const read of reads) {
      const undone = deletions.find(line => line.at < read.began && line.logStart > (read.logStart ?? Infinity))
      if (undone !== undefined)
        this.#tell('undeleted', `${read.client} saw the log start at ${read.logStart}, below ${undone.logStart}`)
    }
  }

  #sightings(): Sighting[] {
    const { sends, reads } = this.#partition
    const { eraOf } = this.#index
    const acked = sends
      .filter(({ outcome, baseOffset }) => outcome === 'acked' && baseOffset >= 0)
      .flatMap(({ line, baseOffset, endedAt }) => {
        const era = eraOf(line.at)
        const spansCut = era !== eraOf(endedAt)
        return line.values.map(
          (value, i): Sighting => ({ offset: baseOffset + i, value, era, kind: 'acked', spansCut }),
        )
      })
    const read = reads.flatMap(({ began, at, records }) => {
      const era = eraOf(began)
      const spansCut = era !== eraOf(at)
      return records.map(([offset, value]): Sighting => ({ offset, value, era, kind: 'read', spansCut }))
    })
    return [...acked, ...read]
  }

  #isThere({ offset, value }: Sighting): boolean {
    if (offset < this.#final.logStart || this.#at.get(offset) === value || this.#isCompactedAway(offset)) return true
    return isDamaged(this.#partition, offset) && !this.#at.has(offset) && !this.#offsetsOf.has(value)
  }

  #isCompactedAway(offset: number): boolean {
    return this.#partition.topic.compacts === true && !this.#at.has(offset) && offset < this.#final.highWatermark
  }

  #tellMissing({ offset, value, kind }: Sighting): void {
    const there = this.#at.get(offset)
    const elsewhere = this.#offsetsOf.get(value)
    const what = `${value} was ${kind} at ${offset}`
    if (kind === 'acked' && elsewhere !== undefined) this.#tell('wrong offset', `${what} and is at ${elsewhere}`)
    else if (kind === 'read' && there !== undefined) this.#tell('two at one offset', `${what}, where ${there} is`)
    else this.#tell(kind === 'acked' ? 'lost' : 'unread', `${what}, the log ends at ${this.#final.highWatermark}`)
  }

  /** A power cut takes from the end, and with `flush.messages` less than that many. */
  #checkExcused(excused: readonly Sighting[], sightings: readonly Sighting[]): void {
    const { flushMessages } = this.#partition.topic
    for (const [era, lost] of Map.groupBy(excused, sighting => sighting.era)) {
      const lostAcks = new Set(lost.filter(({ kind }) => kind === 'acked').map(({ value }) => value))
      if (flushMessages !== null && lostAcks.size >= flushMessages)
        this.#tell(
          'lost',
          `${lostAcks.size} acknowledged records in one power cut, with flush.messages=${flushMessages}`,
        )
      const first = lost.reduce((a, b) => (b.offset < a.offset ? b : a))
      const behind = sightings.find(
        sighting =>
          sighting.era === era &&
          !sighting.spansCut &&
          sighting.offset > first.offset &&
          this.#at.get(sighting.offset) === sighting.value,
      )
      if (behind !== undefined)
        this.#tell(
          'hole',
          `${first.value} at ${first.offset} is gone, and ${behind.value} behind it at ${behind.offset} is there`,
        )
    }
  }

  /** Acknowledged without an offset: there somewhere, where nothing can have gone. */
  #checkUnplaced(): void {
    const { topic, damages } = this.#partition
    if (this.#mayHaveLost || topic.shrinks || topic.compacts === true || damages.length > 0) return
    for (const { line, outcome, baseOffset } of this.#partition.sends)
      if (outcome === 'acked' && baseOffset < 0)
        for (const value of line.values) if (!this.#offsetsOf.has(value)) this.#tell('lost', `${value} was acked`)
  }

  /** All that was ever seen, together: what has been deleted since may have been wrong, too. */
  #checkAgreement(sightings: readonly Sighting[]): void {
    const byOffset = new Map<string, Sighting>()
    const byValue = new Map<string, Sighting>()
    for (const sighting of sightings) {
      const era = isLossy(this.#partition.topic) ? sighting.era : 0
      if (sighting.spansCut && this.#mayHaveLost) continue
      const there = byOffset.get(`${era}:${sighting.offset}`)
      if (there === undefined) byOffset.set(`${era}:${sighting.offset}`, sighting)
      else if (there.value !== sighting.value)
        this.#tell(
          'two at one offset',
          `${there.value} was ${there.kind} and ${sighting.value} ${sighting.kind} at ${sighting.offset}`,
        )
      const before = byValue.get(`${era}:${sighting.value}`)
      if (before === undefined) byValue.set(`${era}:${sighting.value}`, sighting)
      else if (before.offset !== sighting.offset && this.#index.sendOf.get(sighting.value)?.line.idempotent === true)
        this.#tell(
          before.kind === 'read' && sighting.kind === 'read' ? 'duplicate' : 'wrong offset',
          `${sighting.value} was ${before.kind} at ${before.offset} and ${sighting.kind} at ${sighting.offset}`,
        )
    }
  }

  #checkOrder(): void {
    const byClient = Map.groupBy(
      this.#partition.sends.filter(({ line }) => line.ordered),
      ({ line }) => line.client,
    )
    for (const [client, sends] of byClient) this.#checkOrderOf(client, sends)
  }

  #checkOrderOf(client: string, sends: readonly Send[]): void {
    let last = -1
    for (const { line } of sends)
      for (const value of line.values) {
        const offset = this.#offsetsOf.get(value)?.[0]
        if (offset === undefined) continue
        if (offset < last) return this.#tell('reordered', `${value} of ${client} at ${offset}, after one at ${last}`)
        last = offset
      }
  }

  #tell(anomaly: Anomaly, message: string): void {
    this.#findings.push({ anomaly, message: `${this.#partition.key}: ${message}` })
  }
}
