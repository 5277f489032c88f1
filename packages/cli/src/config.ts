/** `millrace config`: the work behind its commands. */
import type { Admin, ConfigEntry } from '@millrace/client'
import type { ResourceType } from './commands/config.ts'
import { expectTopics, withAdmin } from './shared/admin-session.ts'
import { parseAssignments } from './shared/assignments.ts'
import { CliError } from './shared/cli-error.ts'
import { nearest } from './shared/nearest.ts'
import type { Session } from './shared/session.ts'
import type { Column } from './shared/table.ts'

type DryRun = { readonly dryRun: boolean }
type Change = {
  readonly name: string
  readonly operation: 'set' | 'delete' | 'append' | 'subtract'
  readonly value?: string
}

/** What all brokers have is, for Kafka, the broker without a name. */
const wireName = (type: ResourceType, name: string): string => (type === 'broker' && name === 'default' ? '' : name)

export function listResources(session: Session, type: ResourceType | undefined): Promise<void> {
  return withAdmin(session, async admin => {
    const { out, signal } = session
    const rows = await admin.configs.listResources(type === undefined ? [] : [type], { signal })
    const sorted = rows
      .map(row => ({ type: row.type, name: row.name }))
      .sort((a, b) => (`${a.type} ${a.name}` < `${b.type} ${b.name}` ? -1 : 1))
    out.result(sorted, () =>
      out.table(
        [
          { title: 'type', cell: row => row.type },
          { title: 'name', cell: row => row.name || 'default' },
        ],
        sorted,
      ),
    )
  })
}

export function describeConfigs(
  session: Session,
  type: ResourceType,
  name: string,
  options: { readonly changed: boolean; readonly docs: boolean },
): Promise<void> {
  return withAdmin(session, async admin => {
    const { out } = session
    const all = await entriesOf(admin, session, { type, name, includeDocumentation: options.docs })
    const rows = all
      .filter(({ isDefault }) => !(options.changed && isDefault))
      .sort((a, b) => (a.name < b.name ? -1 : 1))
    const columns: Column<ConfigEntry>[] = [
      { title: 'name', cell: row => row.name },
      { title: 'value', cell: shownValue },
      { title: 'source', cell: row => row.source },
      { title: 'type', cell: row => row.type },
      { title: 'note', cell: row => (row.isReadOnly ? 'read-only' : '') },
    ]
    if (options.docs) columns.push({ title: 'meaning', cell: row => row.documentation })
    const documents = rows.map(({ synonyms, documentation, ...rest }) => ({
      ...rest,
      ...(options.docs && { documentation }),
    }))
    out.result(documents, () => out.table(columns, rows))
  })
}

const shownValue = ({ value, isSensitive }: ConfigEntry): string | null => (isSensitive ? '(secret)' : value)

interface Asked {
  readonly type: ResourceType
  readonly name: string
  readonly includeDocumentation?: boolean
}

async function entriesOf(
  admin: Admin,
  session: Session,
  { type, name, includeDocumentation = false }: Asked,
): Promise<readonly ConfigEntry[]> {
  if (type === 'topic') await expectTopics(admin, [name], session)
  const resource = { type, name: wireName(type, name) }
  const found = await admin.configs.describe([resource], { includeDocumentation, signal: session.signal })
  return [...found.values()].flat()
}

export function getConfigs(
  session: Session,
  type: ResourceType,
  name: string,
  names: readonly string[],
): Promise<void> {
  return withAdmin(session, async admin => {
    const { out } = session
    const entries = new Map((await entriesOf(admin, session, { type, name })).map(entry => [entry.name, entry]))
    for (const wanted of names) {
      if (entries.has(wanted)) continue
      const near = nearest(wanted, entries.keys())
      throw new CliError(`a ${type} has no configuration '${wanted}'`, {
        hint:
          near === undefined
            ? `'millrace config describe ${type} ${name}' shows what there is`
            : `did you mean '${near}'?`,
      })
    }
    const values = Object.fromEntries(names.map(wanted => [wanted, entries.get(wanted)!.value]))
    out.result(values, () => {
      for (const wanted of names) out.print(`${names.length > 1 ? `${wanted}=` : ''}${values[wanted] ?? ''}\n`)
    })
  })
}

export function setConfigs(
  session: Session,
  type: ResourceType,
  name: string,
  words: readonly string[],
  options: DryRun,
): Promise<void> {
  const changes = Object.entries(parseAssignments(words)).map(
    ([config, value]): Change => ({ name: config, operation: 'set', value }),
  )
  return change(session, { type, name }, changes, options)
}

export function deleteConfigs(
  session: Session,
  type: ResourceType,
  name: string,
  names: readonly string[],
  options: DryRun,
): Promise<void> {
  return change(
    session,
    { type, name },
    names.map((config): Change => ({ name: config, operation: 'delete' })),
    options,
  )
}

export function changeLists(operation: 'append' | 'subtract') {
  return (
    session: Session,
    type: ResourceType,
    name: string,
    words: readonly string[],
    options: DryRun,
  ): Promise<void> => {
    const changes = Object.entries(parseAssignments(words)).map(
      ([config, value]): Change => ({ name: config, operation, value }),
    )
    return change(session, { type, name }, changes, options)
  }
}

function change(
  session: Session,
  { type, name }: Asked,
  configs: readonly Change[],
  { dryRun }: DryRun,
): Promise<void> {
  return withAdmin(session, async admin => {
    const { out, signal } = session
    if (type === 'topic') await expectTopics(admin, [name], session)
    await admin.configs.alter([{ type, name: wireName(type, name), configs }], { validateOnly: dryRun, signal })
    const names = configs.map(config => config.name).join(', ')
    out.note(dryRun ? `${type} ${name} could be changed so` : `changed ${names} of ${type} ${name}`)
  })
}
