import { readFileSync } from 'node:fs'
import {
  type Broker,
  type BrokerOptions,
  freshFolder,
  type Kind,
  removeFolder,
  startBroker,
} from '../../test/interop/broker.ts'

/** One figure of one broker. `run` starts the broker, measures, stops it, and leaves nothing behind. */
export interface Measure {
  readonly name: string
  readonly unit: string
  /** What we want of ours, in words. */
  readonly wanted: string
  run(kind: Kind): Promise<number>
}

export interface Figures {
  readonly name: string
  readonly unit: string
  readonly wanted: string
  readonly figures: Readonly<Record<Kind, readonly number[]>>
}

/** Lets `use` have a broker in a fresh folder. */
export async function withBroker(
  kind: Kind,
  use: (broker: Broker) => Promise<number>,
  options: BrokerOptions = {},
): Promise<number> {
  const folder = freshFolder(kind)
  const broker = await startBroker(kind, folder, options)
  try {
    return await use(broker)
  } finally {
    await broker.stop()
    removeFolder(folder)
  }
}

export const pause = (ms: number): Promise<void> => new Promise(resolve => setTimeout(resolve, ms))

/** Resident memory of a process in MB, as the system counts it. */
export function residentMb(pid: number): number {
  const kib = /VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]
  return (Number(kib) * 1024) / 1e6
}

const TICKS_PER_SECOND = 100

/** CPU seconds that a process has used, user and system. */
export function cpuSeconds(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2
}
