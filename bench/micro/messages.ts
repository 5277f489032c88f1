/**
 * Requests and answers of the hot paths, read and written by the code compiled for their version and by the interpreter that it is held against.
 * By hand: node --conditions=source bench/micro/messages.ts
 */
import { type Api, Fetch, Heartbeat, Metadata, Produce, Reader, Writer } from '@millrace/protocol'
import { readStruct, writeStruct } from '../../packages/protocol/src/schema/interpret.ts'
import { heading, measureCount } from './per-call.ts'

type AnyApi = Api<unknown, unknown, unknown, unknown>
type Side = 'request' | 'response'

/** `parts` is how many partitions, or other things repeated, the message has. */
function measureMessage(name: string, api: AnyApi, side: Side, version: number, parts: number, value: unknown): void {
  const message = api[side]
  const frame = message.encode(value, version)
  const at = message.at(version)
  measureCount(`${name}: read`, parts, () => message.decode(frame, version))
  measureCount(`${name}: read, interpreted`, parts, () => readStruct(new Reader(frame), message.type, at))
  measureCount(`${name}: write`, parts, () => message.encode(value, version))
  measureCount(`${name}: write, interpreted`, parts, () => {
    const w = new Writer()
    writeStruct(w, message.type, at, value as Record<string, unknown>)
    return w.finish()
  })
}

const list = <T>(length: number, make: (i: number) => T): T[] => Array.from({ length }, (_, i) => make(i))
const topicId = Buffer.alloc(16, 7)

console.log(heading)
for (const count of [1, 100]) {
  measureMessage(`Produce, ${count} partitions`, Produce as AnyApi, 'request', 9, count, {
    acks: -1,
    timeoutMs: 30_000,
    topicData: [{ name: 'clicks', partitionData: list(count, index => ({ index, records: [Buffer.alloc(170, 1)] })) }],
  })
  measureMessage(`Fetch, ${count} partitions`, Fetch as AnyApi, 'request', 13, count, {
    maxWaitMs: 500,
    minBytes: 1,
    topics: [
      {
        topicId: topicId.toString('hex').replace(/(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-'),
        partitions: list(count, partition => ({ partition, fetchOffset: 1_000_000, partitionMaxBytes: 1 << 20 })),
      },
    ],
  })
}
measureMessage('Metadata, 1,000 partitions', Metadata as AnyApi, 'response', 12, 1000, {
  brokers: [{ nodeId: 1, host: 'localhost', port: 9092 }],
  topics: [
    {
      name: 'clicks',
      partitions: list(1000, partitionIndex => ({ partitionIndex, leaderId: 1, replicaNodes: [1], isrNodes: [1] })),
    },
  ],
})
measureMessage('Heartbeat', Heartbeat as AnyApi, 'request', 4, 1, {
  groupId: 'till',
  memberId: 'consumer-1',
  generationId: 5,
})
