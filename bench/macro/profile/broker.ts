/** A Millrace that can be profiled: run from its sources, so that a profile names the files, with Node's own profiler loaded beside it. */
import { existsSync, readFileSync, rmSync } from 'node:fs'
import type { Profiler } from 'node:inspector'
import { join, resolve } from 'node:path'
import { type Broker, freePortPair, freshFolder, removeFolder } from '../../../test/interop/broker.ts'
import { start } from '../../../test/interop/process.ts'
import { pause } from '../measure.ts'
import { LOOP } from './parts.ts'
import { sampledSeconds } from './sampled.ts'
import { between, MAIN, PROFILER, type ThreadTimes, threadTimes } from './threads.ts'

const READY_LIMIT_MS = 30_000
const PROFILE_LIMIT_MS = 30_000
const POLL_MS = 20
const STOP_GRACE_MS = 5_000

const root = resolve(import.meta.dirname, '../../..')

/** Of one profiled stretch: CPU seconds by part, those of the main thread shared out by the profile. */
export type PartSeconds = ReadonlyMap<string, number>

export interface Profiled {
  readonly broker: Broker
  /** Profiles what the broker does while `work` runs. */
  during<T>(work: () => Promise<T>): Promise<{ readonly result: T; readonly seconds: PartSeconds }>
}

export async function withProfiled<T>(use: (profiled: Profiled) => Promise<T>): Promise<T> {
  const folder = freshFolder('profile')
  const file = join(folder, 'profile.json')
  const port = await freePortPair()
  const log = join(folder, 'broker.log')
  const settings = { listeners: `PLAINTEXT://127.0.0.1:${port}`, 'log.dirs': join(folder, 'data') }
  const set = Object.entries(settings).flatMap(([name, value]) => ['--set', `${name}=${value}`])
  const preload = join(import.meta.dirname, 'preload.ts')
  const node = ['--conditions=source', '--disable-warning=ExperimentalWarning', '--import', preload]
  const command = [process.execPath, ...node, 'packages/cli/src/main.ts', 'serve', ...set]
  const running = start('env', [`MILLRACE_BENCH_PROFILE=${file}`, ...command], log, root)
  const logTail = (lineCount: number) => readFileSync(log, 'utf8').split('\n').slice(-lineCount).join('\n')
  try {
    await until(() => logTail(10).includes('broker is ready') || running.hasEnded(), READY_LIMIT_MS)
    if (running.hasEnded()) throw new Error(`the broker did not start: ${logTail(10)}`)
    const broker: Broker = {
      pid: running.pid!,
      port,
      bootstrap: `127.0.0.1:${port}`,
      folder,
      data: settings['log.dirs'],
      hasEnded: running.hasEnded,
      logTail,
      stop: () => running.end(STOP_GRACE_MS),
    }
    return await use({ broker, during: work => profiledWork(broker, file, work) })
  } finally {
    await running.end(STOP_GRACE_MS)
    removeFolder(folder)
  }
}

async function profiledWork<T>(
  { pid }: Broker,
  file: string,
  work: () => Promise<T>,
): Promise<{ readonly result: T; readonly seconds: PartSeconds }> {
  const begun = `${file}.begun`
  process.kill(pid, 'SIGUSR2')
  await until(() => existsSync(begun), PROFILE_LIMIT_MS)
  rmSync(begun)
  const before = threadTimes(pid)
  const result = await work()
  const after = threadTimes(pid)
  process.kill(pid, 'SIGUSR2')
  await until(() => existsSync(file), PROFILE_LIMIT_MS)
  const sampled = sampledSeconds(JSON.parse(readFileSync(file, 'utf8')) as Profiler.Profile)
  rmSync(file)
  return { result, seconds: sharedOut(between(before, after), sampled) }
}

/**
 * The samples are by the clock, so what the main thread waited for a core is taken out of them. What it ran and they do not have, it was within libuv,
 * which the profiler calls idle.
 */
function sharedOut(times: ThreadTimes, sampled: PartSeconds): PartSeconds {
  const { ran, waited } = times.get(MAIN)!
  const busy = [...sampled.values()].reduce((sum, s) => sum + s, 0)
  const scale = Math.min(ran / (ran + waited), ran / busy)
  const parts = new Map([...sampled].map(([part, s]) => [part, s * scale]))
  parts.set(LOOP, (parts.get(LOOP) ?? 0) + ran - busy * scale)
  for (const [kind, time] of times) if (kind !== MAIN && kind !== PROFILER) parts.set(kind, time.ran)
  return parts
}

async function until(isSo: () => boolean, limitMs: number): Promise<void> {
  const deadline = performance.now() + limitMs
  while (!isSo()) {
    if (performance.now() > deadline) throw new Error(`nothing came of it within ${limitMs / 1000} s`)
    await pause(POLL_MS)
  }
}
