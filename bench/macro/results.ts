/** What was measured, as it is kept: one entry a measure, so that a later run of some measures leaves the others as they are. */
import { execFileSync } from 'node:child_process'
import { readFileSync, renameSync, writeFileSync } from 'node:fs'
import { cpus, release, totalmem } from 'node:os'
import { join, resolve } from 'node:path'
import type { Goal } from './measure.ts'

/** Measures of it are of Millrace alone, a side a load: nothing is compared. */
export const PROFILE_GROUP = 'profile'

export interface FigureResult {
  readonly name: string
  readonly unit: string
  readonly goal?: Goal
  readonly since?: string
  /** A value a round, by side; the first side is ours. */
  readonly sides: Readonly<Record<string, readonly number[]>>
}

export interface MeasureResult {
  readonly measure: string
  readonly group: string
  readonly date: string
  readonly rounds: number
  readonly machine: string
  readonly versions: Readonly<Record<string, string>>
  readonly figures: readonly FigureResult[]
  /** What could not be had or went wrong. */
  readonly notes: readonly string[]
}

const root = resolve(import.meta.dirname, '../..')
export const resultsFile = join(root, 'bench/results.json')

export function readResults(file: string): MeasureResult[] {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as MeasureResult[]
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return []
    throw error
  }
}

/** Puts new results in the place of older ones of the same measures; one that failed on every side takes nothing away. */
export function keepResults(file: string, results: readonly MeasureResult[]): void {
  const taken = results.filter(({ figures }) => figures.some(({ sides }) => Object.values(sides).flat().length > 0))
  const kept = readResults(file).filter(old => !taken.some(({ measure }) => measure === old.measure))
  writeFileSync(`${file}.part`, `${JSON.stringify([...kept, ...taken], null, 1)}\n`)
  renameSync(`${file}.part`, file)
}

export function machine(): string {
  return `${cpus().length} × ${cpus()[0]?.model}, ${Math.round(totalmem() / 2 ** 30)} GiB, Linux ${release()}`
}

export function versions(): Record<string, string> {
  const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string }
  const pom = readFileSync(join(root, 'test/interop/peer/pom.xml'), 'utf8')
  return {
    millrace: `${version} (${commit()})`,
    kafka: /<kafka>([^<]+)</.exec(pom)?.[1] ?? 'unknown',
    node: process.version,
    java: said('java', ['--version'])?.split('\n')[0] ?? 'none',
    go: said('go', ['env', 'GOVERSION']) ?? 'none',
  }
}

/** Marked where the tree differs from it; what the run itself keeps does not count. */
function commit(): string {
  const hash = said('git', ['rev-parse', '--short', 'HEAD'])
  if (hash === undefined) return 'no commit'
  const changed = said('git', ['status', '--porcelain', '--untracked-files=no', '--', '.', ':!bench/results.json'])
  return changed === '' ? hash : `${hash}-dirty`
}

function said(command: string, args: readonly string[]): string | undefined {
  try {
    return execFileSync(command, args, { cwd: root, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim()
  } catch {
    return undefined
  }
}
