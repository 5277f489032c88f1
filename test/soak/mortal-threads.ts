/**
 * Loaded before the program (`--import`), into its process and into each thread that it starts: SIGUSR2 makes the thread of one node fail, of the first, the second
 * and so on in turn. The program itself has no such door.
 */
import { BroadcastChannel, isMainThread, workerData } from 'node:worker_threads'

/** The nodes that a thread was started with, or not one of ours. */
interface MaybeNode {
  readonly nodeId?: number
  readonly nodeIds?: readonly number[]
}

const channel = new BroadcastChannel('millrace: a thread is to fail')
// Nothing waits for a death.
channel.unref()

if (isMainThread) {
  let turn = 0
  process.on('SIGUSR2', () => channel.postMessage(turn++))
} else {
  const { nodeId, nodeIds = [] } = (workerData ?? {}) as MaybeNode
  channel.onmessage = ({ data: turn }: { readonly data: unknown }) => {
    if (nodeId === undefined || nodeIds[Number(turn) % nodeIds.length] !== nodeId) return
    setImmediate(() => {
      throw new Error('the soak lets this thread fail')
    })
  }
}
