import { Consumer, Producer } from '@millrace/client'
import type { MeasuredClient } from './client.ts'

const BATCH_BYTES = 65_536

export const client: MeasuredClient = {
  async produce({ bootstrap, topic, value, isOver }) {
    await using producer = new Producer({ bootstrap, batchBytes: BATCH_BYTES })
    const record = { topic, value }
    let count = 0
    while (!isOver()) {
      count++
      if (!producer.write(record)) await producer.drained()
    }
    await producer.flush()
    return count
  },
  async consume({ bootstrap, topic, groupId, onRecords }) {
    await using consumer = new Consumer({ bootstrap, groupId, offsetReset: 'earliest' })
    consumer.subscribe([topic])
    for await (const { records } of consumer.batches()) if (!onRecords(records.length)) break
  },
}
