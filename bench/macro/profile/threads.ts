/** What a process's threads used, by what they are for. */
import { readdirSync, readFileSync } from 'node:fs'

export const MAIN = 'main'
export const PROFILER = 'profiler'
const FILES = 'other threads: files'
const HELPERS = 'other threads: collector and compiler'
const OTHER = 'other threads: the rest'
export const THREAD_PARTS: readonly string[] = [FILES, HELPERS, OTHER]

const KINDS: readonly (readonly [comm: RegExp, kind: string])[] = [
  [/libuv-worker/, FILES],
  [/V8Worker|DelayedTask/, HELPERS],
  [/^v8:Prof|^SignalInspector/, PROFILER],
]

export interface ThreadTime {
  readonly ran: number
  /** Ready to run, while others had the cores. */
  readonly waited: number
}

const none: ThreadTime = { ran: 0, waited: 0 }

/** In seconds since the threads began. */
export type ThreadTimes = ReadonlyMap<string, ThreadTime>

export function threadTimes(pid: number): ThreadTimes {
  const times = new Map<string, ThreadTime>()
  for (const tid of readdirSync(`/proc/${pid}/task`)) {
    const comm = textOf(`/proc/${pid}/task/${tid}/comm`)
    const [ran = 0, waited = 0] = textOf(`/proc/${pid}/task/${tid}/schedstat`)
      .split(' ')
      .map(ns => Number(ns) / 1e9)
    const kind = tid === String(pid) ? MAIN : (KINDS.find(([pattern]) => pattern.test(comm))?.[1] ?? OTHER)
    const sum = times.get(kind) ?? none
    times.set(kind, { ran: sum.ran + ran, waited: sum.waited + waited })
  }
  return times
}

export function between(before: ThreadTimes, after: ThreadTimes): ThreadTimes {
  return new Map(
    [...after].map(([kind, { ran, waited }]) => {
      const old = before.get(kind) ?? none
      return [kind, { ran: Math.max(0, ran - old.ran), waited: Math.max(0, waited - old.waited) }]
    }),
  )
}

/** A thread may end while the list is read. */
function textOf(file: string): string {
  try {
    return readFileSync(file, 'utf8').trim()
  } catch {
    return '0 0'
  }
}
