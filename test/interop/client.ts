// One client of the suite: a folder under clients/ with install.sh and run.sh. Its output, one line per scenario, becomes results.
//   ok <scenario>
//   not ok <scenario>: <what was wrong>
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { type Finished, run } from './process.ts'

const clientsFolder = join(import.meta.dirname, 'clients')
const RUN_LIMIT_MS = 120_000
const INSTALL_LIMIT_MS = 600_000
const EXIT_NOT_INSTALLABLE = 77

export interface Result {
  readonly client: string
  readonly scenario: string
  readonly outcome: 'passed' | 'failed' | 'skipped'
  readonly detail: string
}

export interface ClientRun {
  readonly results: readonly Result[]
  readonly installMs: number
  readonly runMs: number
  /** What the client said, to be shown when something failed. */
  readonly output: string
}

export function clientNames(): string[] {
  return readdirSync(clientsFolder)
    .filter(name => existsSync(join(clientsFolder, name, 'run.sh')))
    .sort()
}

/** Installs and runs one client. `leftMs` is what remains of the whole suite's time. */
export async function runClient(
  client: string,
  bootstrap: string,
  env: Record<string, string>,
  leftMs: number,
): Promise<ClientRun> {
  const cwd = join(clientsFolder, client)
  const one = (scenario: string, outcome: Result['outcome'], detail: string): Result[] => [
    { client, scenario, outcome, detail },
  ]
  const installed = await run('./install.sh', [], { cwd, env, limitMs: Math.min(INSTALL_LIMIT_MS, leftMs) })
  const installMs = installed.elapsedMs
  if (installed.code !== 0) {
    const reason = lastLine(installed.stderr) || `install.sh ended with ${installed.code}`
    const isSkip = installed.code === EXIT_NOT_INSTALLABLE && !installed.timedOut
    const detail = installed.timedOut ? 'install.sh was not done in time' : reason
    return {
      results: one('install', isSkip ? 'skipped' : 'failed', detail),
      installMs,
      runMs: 0,
      output: outputOf(installed),
    }
  }
  const prefix = `it-${client.replace(/[^a-z0-9]/g, '-')}-${Math.random().toString(36).slice(2, 8)}`
  const limitMs = Math.max(1, Math.min(RUN_LIMIT_MS, leftMs - installMs))
  const finished = await run('./run.sh', [bootstrap, prefix], { cwd, env, limitMs })
  const results = resultsOf(client, finished)
  return { results, installMs, runMs: finished.elapsedMs, output: outputOf(finished) }
}

/** The lines of a run, and a failure more where the lines and the exit status do not agree or there are no lines. */
function resultsOf(client: string, finished: Finished): Result[] {
  const results: Result[] = []
  for (const line of finished.stdout.split('\n')) {
    const said = /^(not )?ok ([a-z0-9-]+)(?:: *(.*))?\s*$/.exec(line)
    if (said === null) continue
    results.push({
      client,
      scenario: said[2]!,
      outcome: said[1] === undefined ? 'passed' : 'failed',
      detail: said[3] ?? '',
    })
  }
  const hasFailure = results.some(result => result.outcome === 'failed')
  const fault = finished.timedOut
    ? `not done after ${Math.round(finished.elapsedMs / 1000)} s`
    : finished.code !== 0 && !hasFailure
      ? `ended with ${finished.code}: ${lastLine(finished.stderr)}`
      : finished.code === 0 && hasFailure
        ? 'ended with 0 in spite of a failure'
        : results.length === 0
          ? 'no scenario was reported'
          : undefined
  if (fault !== undefined) results.push({ client, scenario: 'run', outcome: 'failed', detail: fault })
  return results
}

function lastLine(text: string): string {
  return text.trimEnd().split('\n').at(-1) ?? ''
}

function outputOf(finished: Finished): string {
  const tail = (text: string) => text.trimEnd().split('\n').slice(-60).join('\n')
  return [tail(finished.stdout), tail(finished.stderr)].filter(text => text !== '').join('\n--- stderr\n')
}
