// Calls one of Kafka's command-line tools and reads what it says. A tool's exit status says little: every claim is about its words.
import { kafkaScript } from '../../broker.ts'
import { run } from '../../process.ts'

const [bootstrapOfRun, prefixOfRun] = process.argv.slice(2)
if (bootstrapOfRun === undefined || prefixOfRun === undefined) {
  console.error('usage: node tools.ts BOOTSTRAP PREFIX')
  process.exit(2)
}
export const bootstrap: string = bootstrapOfRun

/** A tool starts in a second and ends at once: no time for an optimizing compiler or a collector with threads. */
export const toolEnv: Readonly<Record<string, string>> = {
  TOOL_HEAP: '128m',
  KAFKA_OPTS: '-XX:TieredStopAtLevel=1 -XX:+UseSerialGC -Xshare:auto',
}
const CALL_LIMIT_MS = 40_000

export interface Said {
  readonly code: number
  readonly text: string
  readonly lines: readonly string[]
}

/** A topic or group of this run. */
export function named(suffix: string): string {
  return `${prefixOfRun}-${suffix}`
}

/** Runs a tool as it is, whatever comes of it. */
export async function call(name: string, args: readonly string[], input?: string): Promise<Said> {
  const options = { limitMs: CALL_LIMIT_MS, env: toolEnv }
  const all = [
    name,
    ...(args.includes('--bootstrap-server') || name === 'class' ? [] : ['--bootstrap-server', bootstrap]),
    ...args,
  ]
  const finished = await run(kafkaScript, all, input === undefined ? options : { ...options, input })
  if (finished.timedOut)
    throw new Error(
      `${name} ${args.join(' ')} did not end: ${finished.stdout.slice(-300)}${finished.stderr.slice(-300)}`,
    )
  const text = `${finished.stdout}${finished.stderr}`
  return { code: finished.code, text, lines: finished.stdout.split('\n').filter(line => line !== '') }
}

/** Runs a tool that must succeed and say all this. */
export async function says(
  name: string,
  args: readonly string[],
  wanted: readonly RegExp[],
  input?: string,
): Promise<Said> {
  const said = await call(name, args, input)
  if (said.code !== 0) throw new Error(`${name} ${args.join(' ')} ended with ${said.code}: ${excerpt(said.text)}`)
  for (const pattern of wanted)
    claim(pattern.test(said.text), `${name} ${args.join(' ')} does not say ${pattern}: ${excerpt(said.text)}`)
  return said
}

/** Runs a tool that must be refused with this error. */
export async function refused(name: string, args: readonly string[], wanted: RegExp): Promise<void> {
  const said = await call(name, args)
  claim(wanted.test(said.text), `${name} ${args.join(' ')} is not refused with ${wanted}: ${excerpt(said.text)}`)
}

export function claim(holds: boolean, what: string): void {
  if (!holds) throw new Error(what)
}

/** Calls until the claim holds, for what takes a moment to show. */
export async function eventually(attempt: () => Promise<unknown>, tries = 8): Promise<void> {
  for (let left = tries; ; left--) {
    try {
      await attempt()
      return
    } catch (error) {
      if (left <= 1) throw error
    }
  }
}

function excerpt(text: string): string {
  return text
    .trim()
    .replace(/\s*\n\s*/g, ' | ')
    .slice(0, 600)
}
