import type { Consumer } from '@millrace/client'
import type { Session } from '../shared/session.ts'
import type { GroupCommits } from './group-commits.ts'
import type { RecordWriter } from './record-writer.ts'
import type { Stop } from './stop.ts'

const IDLE_CHECK_MS = 100

export interface ReadPlan {
  readonly session: Session
  readonly writer: RecordWriter
  readonly count: number | undefined
  readonly stop: Stop
  readonly commits?: GroupCommits
}

/** Reads until the plan's end, the count, or the session's signal: none of them is an error. */
export async function readAll(consumer: Consumer, { session, writer, count, stop, commits }: ReadPlan): Promise<void> {
  const over = new AbortController()
  const checking = setInterval(() => {
    stop.isReached().then(
      isReached => {
        if (isReached) over.abort()
      },
      () => {}, // the loop meets the same fault and tells it
    )
  }, IDLE_CHECK_MS)
  try {
    for await (const batch of consumer.batches({ signal: AbortSignal.any([session.signal, over.signal]) })) {
      const wanted = stop.wanted(batch)
      const left = count === undefined ? wanted.length : count - writer.count
      const records = wanted.length > left ? wanted.slice(0, left) : wanted
      await writer.write(records)
      const last = records.at(-1)
      if (last !== undefined && !session.out.closed.aborted) await commits?.written(batch, last.offset + 1)
      if (count !== undefined && writer.count >= count) return
      if (await stop.isReached()) return
    }
  } finally {
    clearInterval(checking)
  }
}
