/** Reads all that there is when everything has come to rest. Each answers what is wrong that no history would show, or undefined. */
import { errorName, ListTransactions, OffsetFetch } from '@millrace/protocol'
import type { IsolationName, PartitionOffset, SeenRecord } from '../history/event.ts'
import { NoAnswer, type SimulatedTopic } from './simulated-client.ts'
import { isDamage, SimulatedReader } from './simulated-reader.ts'

export interface Patience {
  readonly untilMs: number
  /** When no transaction is to be open any more. */
  readonly stableByMs: number
}

export class FinalReader extends SimulatedReader {
  readonly #patience: Patience

  constructor(patience: Patience, ...client: ConstructorParameters<typeof SimulatedReader>) {
    super(...client)
    this.#patience = patience
  }

  /** By now nothing comes and goes, and a log that should not have shrunk may have. */
  protected override earliest(topic: SimulatedTopic, partition: number): Promise<number> {
    return super.earliest({ ...topic, shrinks: true }, partition)
  }

  async readAll(topic: SimulatedTopic, partition: number, isolation: IsolationName): Promise<string | undefined> {
    const records: SeenRecord[] = []
    const markers: number[] = []
    let position = 0
    this.seek(topic, partition, position)
    let last = 'no answer'
    while (this.#isPatient) {
      try {
        const fetched = await this.fetch({ topic, partition, position, isolation })
        last = fetched.error
        const { logStart, highWatermark, lastStableOffset } = fetched
        const end = isolation === 'read_committed' ? lastStableOffset : highWatermark
        if (fetched.error === 'OFFSET_OUT_OF_RANGE') {
          position = await this.earliest(topic, partition)
          this.seek(topic, partition, position)
          records.length = 0
          markers.length = 0
        } else if (isDamage(fetched.error)) {
          position++
          this.seek(topic, partition, position)
        } else if (fetched.error !== 'NONE') await this.sleep(200)
        else if (position >= end) {
          if (lastStableOffset < highWatermark && this.world.time.nowMs < this.#patience.stableByMs) {
            await this.sleep(500)
            continue
          }
          const offsets = { logStart, highWatermark, lastStableOffset }
          this.world.record({ kind: 'final', topic: topic.key, partition, isolation, ...offsets, records, markers })
          return undefined
        } else {
          records.push(...fetched.records)
          markers.push(...fetched.markers)
          if (fetched.next === position) return `${topic.key}-${partition} has nothing to read at ${position} of ${end}`
          position = fetched.next
        }
      } catch (error) {
        if (!(error instanceof NoAnswer)) throw error
        await this.sleep(100)
      }
    }
    return `${topic.key}-${partition} cannot be read at the end: ${last}`
  }

  async readOffsets(groupId: string, topics: readonly SimulatedTopic[]): Promise<string | undefined> {
    let last = 'no answer'
    while (this.#isPatient) {
      try {
        const asked = topics.map(({ id, partitions }) => ({
          topicId: id,
          partitionIndexes: [...Array(partitions).keys()],
        }))
        const body = { groups: [{ groupId, topics: asked }], requireStable: true }
        const { groups } = await this.request(OffsetFetch, 10, body)
        const found = groups[0]!.topics.flatMap(({ topicId, partitions }) =>
          partitions.map(partition => ({ ...partition, key: topics.find(({ id }) => id === topicId)!.key })),
        )
        const errors = [groups[0]!.errorCode, ...found.map(({ errorCode }) => errorCode)].map(errorName)
        last = errors.find(error => error !== 'NONE') ?? 'NONE'
        if (last === 'NONE') {
          const offsets = found.map(
            ({ key, partitionIndex, committedOffset }): PartitionOffset => [key, partitionIndex, committedOffset],
          )
          this.world.record({ kind: 'finalOffsets', group: groupId, offsets })
          return undefined
        }
      } catch (error) {
        if (!(error instanceof NoAnswer)) throw error
      }
      await this.sleep(100)
    }
    return `the offsets of ${groupId} cannot be read at the end: ${last}`
  }

  /** Whatever was decided is done, and what was open has timed out. */
  async readTransactions(): Promise<string | undefined> {
    let last = 'no answer'
    while (this.#isPatient) {
      try {
        const stateFilters = ['Ongoing', 'PrepareCommit', 'PrepareAbort']
        const { errorCode, transactionStates } = await this.request(ListTransactions, 1, { stateFilters })
        if (errorCode === 0 && transactionStates.length === 0) return undefined
        last = transactionStates.map(state => `${state.transactionalId} ${state.transactionState}`).join(', ')
      } catch (error) {
        if (!(error instanceof NoAnswer)) throw error
      }
      await this.sleep(200)
    }
    return `transactions have not ended: ${last}`
  }

  get #isPatient(): boolean {
    return this.world.time.nowMs < this.#patience.untilMs
  }
}
