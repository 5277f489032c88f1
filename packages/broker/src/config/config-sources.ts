// Where static configuration comes from, weakest first: a server.properties file, the environment, --set. Each entry
// keeps its origin, so that a refusal can say where to look.
import { readFileSync } from 'node:fs'
import { brokerDefs } from './config-defs.ts'
import { nearestName } from './nearest-name.ts'
import { parseProperties } from './properties-file.ts'

export interface ConfigSources {
  /** Path of a server.properties file. */
  readonly file?: string
  /** `name=value` each; a later one wins. */
  readonly set?: readonly string[]
  /** Only names that begin with MILLRACE_ are looked at. */
  readonly env?: Readonly<Record<string, string | undefined>>
}

export interface ConfigEntry {
  readonly name: string
  readonly raw: string
  readonly origin: string
}

/** What is wrong with the configuration, in one sentence for the person who wrote it. */
export interface ConfigProblem {
  readonly message: string
}

export interface CollectedConfig {
  /** In rising order of precedence. */
  readonly entries: readonly ConfigEntry[]
  readonly problems: readonly ConfigProblem[]
  readonly notes: readonly string[]
}

export function collectEntries({ file, env = {}, set = [] }: ConfigSources): CollectedConfig {
  const parts = [file === undefined ? nothing : fileEntries(file), envEntries(env), setEntries(set)]
  return {
    entries: parts.flatMap(part => part.entries),
    problems: parts.flatMap(part => part.problems),
    notes: parts.flatMap(part => part.notes),
  }
}

const nothing: CollectedConfig = { entries: [], problems: [], notes: [] }
const fileBytesMax = 1 << 20

function fileEntries(path: string): CollectedConfig {
  let text: string
  try {
    text = readFileSync(path, 'utf8')
  } catch (error) {
    const reason = (error as NodeJS.ErrnoException).code === 'ENOENT' ? 'there is no such file' : String(error)
    return { ...nothing, problems: [{ message: `Cannot read the configuration file ${path}: ${reason}` }] }
  }
  if (text.length > fileBytesMax) {
    return {
      ...nothing,
      problems: [{ message: `The configuration file ${path} is larger than ${fileBytesMax} bytes` }],
    }
  }
  const entries = parseProperties(text).map(({ name, value, line }) => ({
    name,
    raw: value,
    origin: `${path}:${line}`,
  }))
  return { ...nothing, entries }
}

function setEntries(set: readonly string[]): CollectedConfig {
  const entries: ConfigEntry[] = []
  const problems: ConfigProblem[] = []
  for (const text of set) {
    const at = text.indexOf('=')
    if (at < 1) problems.push({ message: `--set ${text}: the form is --set name=value` })
    else
      entries.push({
        name: text.slice(0, at).trim(),
        raw: text.slice(at + 1),
        origin: `--set ${text.slice(0, at).trim()}`,
      })
  }
  return { ...nothing, entries, problems }
}

const prefix = 'MILLRACE_'

/** `log.dirs` is MILLRACE_LOG_DIRS; a name of Millrace's own loses its first part: MILLRACE_ADMIN_LISTENER. */
export const environmentName = (name: string): string =>
  prefix +
  name
    .replace(/^millrace\./, '')
    .toUpperCase()
    .replaceAll('.', '_')

const byEnvironmentName: ReadonlyMap<string, string> = new Map(
  [...brokerDefs.keys()].map(name => [environmentName(name), name]),
)

/** Read by the other commands, and no setting of a broker. */
const ofTheCommandLine: ReadonlySet<string> = new Set([`${prefix}BROKERS`])

/** A variable that resembles no setting is somebody else's, and gets a note; one that nearly is a setting is a mistake. */
function envEntries(env: Readonly<Record<string, string | undefined>>): CollectedConfig {
  const entries: ConfigEntry[] = []
  const problems: ConfigProblem[] = []
  const notes: string[] = []
  for (const [variable, raw] of Object.entries(env).sort()) {
    if (!variable.startsWith(prefix) || raw === undefined || ofTheCommandLine.has(variable)) continue
    const name = byEnvironmentName.get(variable)
    const nearest = name === undefined ? nearestName(variable.slice(prefix.length), suffixes) : undefined
    if (name !== undefined) entries.push({ name, raw, origin: `environment variable ${variable}` })
    else if (nearest)
      problems.push({ message: `Unknown environment variable ${variable}: did you mean ${prefix}${nearest}?` })
    else notes.push(`environment variable ${variable} is no setting, and is left alone`)
  }
  return { entries, problems, notes }
}

const suffixes: readonly string[] = [...byEnvironmentName.keys()].map(variable => variable.slice(prefix.length))
