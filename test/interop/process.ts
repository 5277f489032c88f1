// Every child of the suite leads a process group of its own, so that ending a child ends whatever it started too,
// and always by its id. What is still running when the suite ends goes with it.
import { type ChildProcess, spawn } from 'node:child_process'
import { closeSync, openSync } from 'node:fs'
import { createInterface } from 'node:readline'

export interface RunOptions {
  readonly limitMs: number
  readonly cwd?: string
  readonly env?: Readonly<Record<string, string>>
  readonly input?: string
  /** Gets each line of the standard output, which is not kept then: for what may say very much. */
  readonly onLine?: (line: string) => void
}

export interface Finished {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
  readonly timedOut: boolean
  readonly elapsedMs: number
}

/** A child that keeps running: a broker. */
export interface Running {
  readonly pid: number | undefined
  readonly hasEnded: () => boolean
  readonly end: (graceMs: number) => Promise<void>
}

const OUTPUT_CHARACTERS_MAX = 4_000_000
const leaders = new Set<number>()

process.on('exit', () => {
  for (const leader of leaders) signalGroup(leader, 'SIGKILL')
})
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => process.exit(1))

function signalGroup(leader: number, signal: NodeJS.Signals): void {
  try {
    process.kill(-leader, signal)
  } catch {
    // nobody of the group is left
  }
}

function launch(
  command: string,
  args: readonly string[],
  options: Omit<RunOptions, 'limitMs'>,
  output: 'pipe' | number,
) {
  const child = spawn(command, args, {
    cwd: options.cwd,
    env: { ...process.env, ...options.env },
    stdio: [options.input === undefined ? 'ignore' : 'pipe', output, output],
    detached: true,
  })
  const leader = child.pid
  if (leader !== undefined) {
    leaders.add(leader)
    child.once('exit', () => {
      signalGroup(leader, 'SIGKILL')
      leaders.delete(leader)
    })
  }
  return child
}

/** Runs a command to its end, or kills it with all its descendants after `limitMs`. Never rejects: a command that cannot start has code 127. */
export async function run(command: string, args: readonly string[], options: RunOptions): Promise<Finished> {
  const begun = performance.now()
  const child = launch(command, args, options, 'pipe')
  const output = { stdout: '', stderr: '' }
  const { onLine } = options
  if (onLine !== undefined && child.stdout !== null) createInterface({ input: child.stdout }).on('line', onLine)
  for (const name of onLine === undefined ? (['stdout', 'stderr'] as const) : (['stderr'] as const)) {
    child[name]?.setEncoding('utf8').on('data', (text: string) => {
      output[name] = (output[name] + text).slice(-OUTPUT_CHARACTERS_MAX)
    })
  }
  child.stdin?.on('error', () => {})
  child.stdin?.end(options.input)
  let timedOut = false
  const limit = setTimeout(() => {
    timedOut = true
    if (child.pid !== undefined) signalGroup(child.pid, 'SIGKILL')
  }, options.limitMs)
  const code = await new Promise<number>(resolve => {
    child.once('error', error => {
      output.stderr += `${error.message}\n`
      resolve(127)
    })
    child.once('close', status => resolve(status ?? 128))
  })
  clearTimeout(limit)
  return { code, ...output, timedOut, elapsedMs: performance.now() - begun }
}

/** Starts a command whose output goes to a file. */
export function start(command: string, args: readonly string[], logFile: string, cwd: string): Running {
  const log = openSync(logFile, 'a')
  const child = launch(command, args, { cwd }, log)
  closeSync(log)
  let ended = false
  const whenEnded = new Promise<void>(resolve => {
    const mark = () => {
      ended = true
      resolve()
    }
    child.once('exit', mark)
    child.once('error', mark)
  })
  return { pid: child.pid, hasEnded: () => ended, end: graceMs => endChild(child, whenEnded, graceMs) }
}

async function endChild(child: ChildProcess, whenEnded: Promise<void>, graceMs: number): Promise<void> {
  const leader = child.pid
  if (leader === undefined || child.exitCode !== null || child.signalCode !== null) return
  signalGroup(leader, 'SIGTERM')
  const kill = setTimeout(() => signalGroup(leader, 'SIGKILL'), graceMs)
  await whenEnded
  clearTimeout(kill)
}
