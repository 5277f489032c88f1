/** The real program as a child process, from source. */
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { buffer } from 'node:stream/consumers'

export interface Run {
  readonly status: number | null
  readonly stdout: string
  readonly stderr: string
}

export interface RunOptions {
  readonly stdin?: string | Uint8Array
  readonly env?: Readonly<Record<string, string>>
}

const main = join(import.meta.dirname, '../../packages/cli/src/main.ts')
const TOO_LONG_MS = 60_000
/** Spares each process most of its start: 0.2 s instead of 0.45 s. */
const COMPILE_CACHE = join(import.meta.dirname, '../../node_modules/.cache/millrace-compile')

export function startMillrace(
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): ChildProcessWithoutNullStreams {
  const node = ['--conditions=source', '--disable-warning=ExperimentalWarning', main]
  const { MILLRACE_BROKERS: _, ...inherited } = process.env
  return spawn(process.execPath, [...node, ...args], {
    env: { ...inherited, TZ: 'UTC', NODE_COMPILE_CACHE: COMPILE_CACHE, ...env },
    timeout: TOO_LONG_MS,
  })
}

export async function endOf(child: ChildProcessWithoutNullStreams): Promise<Run> {
  const [stdout, stderr] = await Promise.all([buffer(child.stdout), buffer(child.stderr), ended(child)])
  return { status: child.exitCode, stdout: stdout.toString(), stderr: stderr.toString() }
}

async function ended(child: ChildProcessWithoutNullStreams): Promise<void> {
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
}

/** Runs to the end. */
export function millrace(args: readonly string[], { stdin = '', env }: RunOptions = {}): Promise<Run> {
  const child = startMillrace(args, env)
  child.stdin.on('error', () => {}) // it may end without reading
  child.stdin.end(stdin)
  return endOf(child)
}

/** For one broker: `run('topic list')`, `run(['produce', 't'], { stdin })`. */
export function millraceAt(port: number): (args: string | readonly string[], options?: RunOptions) => Promise<Run> {
  const env = { MILLRACE_BROKERS: `127.0.0.1:${port}` }
  return (args, options = {}) =>
    millrace(typeof args === 'string' ? args.split(' ') : args, { ...options, env: { ...env, ...options.env } })
}

/** Everything that stdout says until it has said `text`. */
export async function untilSaid(child: ChildProcessWithoutNullStreams, text: string): Promise<void> {
  let said = ''
  for await (const chunk of child.stdout.iterator({ destroyOnReturn: false })) {
    said += String(chunk)
    if (said.includes(text)) return
  }
  throw new Error(`stdout ended after: ${said}`)
}
