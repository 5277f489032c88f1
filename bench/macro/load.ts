/** The load generator of `bench/load`: built when it is first needed, run as a process of its own. */
import { mkdirSync } from 'node:fs'
import { join, resolve } from 'node:path'
import type { Broker } from '../../test/interop/broker.ts'
import { run } from '../../test/interop/process.ts'
import { cacheFolder } from './cache.ts'
import { Missing } from './measure.ts'

export type LoadRun =
  | 'produce'
  | 'fetch'
  | 'small-fetch'
  | 'latency'
  | 'transactions'
  | 'connections'
  | 'groups'
  | 'rebalance'
  | 'metadata'

export type LoadOptions = Readonly<Record<string, string | number | boolean>>

/** Figures of one run, by the names that `bench/load/meter.go` gives them. */
export type Outcome = Readonly<Record<string, number>>

const BUILD_LIMIT_MS = 300_000
const RUN_LIMIT_MS = 300_000
const NOT_STARTED = 127
const program = join(cacheFolder, 'load')

let built: Promise<void> | undefined

async function build(): Promise<void> {
  mkdirSync(cacheFolder, { recursive: true })
  const cwd = resolve(import.meta.dirname, '../load')
  const { code, stderr } = await run('go', ['build', '-o', program, '.'], { cwd, limitMs: BUILD_LIMIT_MS })
  if (code === NOT_STARTED) throw new Missing('Go is not on this machine, and the load generator is written in it')
  if (code !== 0) throw new Missing(`the load generator cannot be built: ${stderr.trim().split('\n').at(-1)}`)
}

/** Runs it against a broker to its end. */
export async function load(name: LoadRun, broker: Broker, options: LoadOptions): Promise<Outcome> {
  built ??= build()
  await built
  const all = { broker: broker.bootstrap, pid: broker.pid, ...options }
  const args = Object.entries(all).map(([key, value]) => `-${key}=${value}`)
  const done = await run(program, [name, ...args], { limitMs: RUN_LIMIT_MS })
  if (done.timedOut) throw new Error(`load ${name} ${args.join(' ')}: not done after ${RUN_LIMIT_MS / 1000} s`)
  if (done.code !== 0) throw new Error(`load ${name} ${args.join(' ')}: ${done.stderr.trim()}`)
  return JSON.parse(done.stdout) as Outcome
}

/** How long to warm up and to measure, in seconds; a tenth of it for a smoke test. */
export function timed(isQuick: boolean, warmUpS: number, forS: number): LoadOptions {
  const scale = isQuick ? 0.1 : 1
  return { 'warm-up': `${warmUpS * scale}s`, for: `${forS * scale}s` }
}

/** How many MB to warm up and to measure; a tenth of it for a smoke test. */
export function sized(isQuick: boolean, warmMb: number, totalMb: number): LoadOptions {
  const scale = isQuick ? 1e5 : 1e6
  return { warm: warmMb * scale, total: totalMb * scale }
}

/** A figure that must be there. */
export function of(outcome: Outcome, name: string): number {
  const value = outcome[name]
  if (value === undefined) throw new Error(`the load generator gave no ${name}`)
  return value
}
