/** What every role of this client shares: its history, where it is with reading, and how it finds the cluster. */
import { openSync, writeSync } from 'node:fs'
import type { TopicPartition } from '@millrace/client'

const [bootstrap = '', name = '', path = '', plainList = '', rateText = '0', transactionalList = '-', group = ''] =
  process.argv.slice(2)

export { group, name }
export const rate = Number(rateText)
const history = openSync(path, 'a')
export const stop = new AbortController()
export const common = { bootstrap, requestTimeoutMs: 5_000 }
export const padding = Buffer.alloc(150, name)
let numbers = 0
export const nextNumber = (): number => ++numbers

export const now = (): number => Number(process.hrtime.bigint() / 1000n) / 1000
export const line = (kind: string, client: string, fields: object): void => {
  writeSync(history, `${JSON.stringify({ kind, at: now(), client, ...fields })}\n`)
}
export const pause = (ms: number): Promise<void> => new Promise(resolve => setTimeout(resolve, ms))

const partitionsOf = (list: string): TopicPartition[] =>
  list.split(',').flatMap(item => {
    const [topic = '', count] = item.split(':')
    return Array.from({ length: Number(count) }, (_, partition) => ({ topic, partition }))
  })
export const plain = partitionsOf(plainList)
/** Empty where the broker has no transactions. */
export const transactional = transactionalList === '-' ? [] : partitionsOf(transactionalList)
export const topicsOf = (partitions: readonly TopicPartition[]): string[] => [
  ...new Set(partitions.map(({ topic }) => topic)),
]

export class Positions {
  readonly #client: string
  readonly next = new Map<string, number>()

  constructor(client: string) {
    this.#client = client
  }

  seek({ topic, partition }: TopicPartition, position: number): void {
    this.next.set(`${topic}-${partition}`, position)
    line('seek', this.#client, { topic, partition, position })
  }

  took(
    began: number,
    batch: { topic: string; partition: number; records: readonly { offset: number; value: string | null }[] },
    more: object,
  ): void {
    const { topic, partition } = batch
    const records = batch.records.map(({ offset, value }) => [offset, value] as const)
    const position = this.next.get(`${topic}-${partition}`) ?? records[0]![0]
    line('read', this.#client, { began, topic, partition, position, records, isolation: 'read_uncommitted', ...more })
    this.next.set(`${topic}-${partition}`, records.at(-1)![0] + 1)
  }
}
