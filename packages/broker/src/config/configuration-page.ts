import { kafkaBrokerDefs, ownBrokerDefs, ownDefaults } from './config-defs.ts'
import { honouredSettings } from './honoured-settings.ts'

export const tableStart = '<!-- settings: written by scripts/config-table.ts -->'
export const tableEnd = '<!-- end of settings -->'

/** The page with its tables of settings written anew from the code; what stands around them stays. */
export function withSettingsTable(page: string): string {
  const start = page.indexOf(tableStart)
  const end = page.indexOf(tableEnd)
  if (start < 0 || end < start) throw new Error('the page has lost the marks around its tables of settings')
  return `${page.slice(0, start + tableStart.length)}\n\n${settingsTables()}\n\n${page.slice(end)}`
}

function settingsTables(): string {
  const names = Object.keys(honouredSettings)
  const own = names.filter(name => ownBrokerDefs.has(name))
  const kafka = names.filter(name => !ownBrokerDefs.has(name))
  return [
    '### Kafka’s\n',
    ...tableOf(kafka, name => `${shownDefault(name)}${name in ownDefaults ? ' †' : ''}`),
    '\n### Millrace’s own\n',
    ...tableOf(own, name => shownDefault(name)),
  ].join('\n')
}

function tableOf(names: readonly string[], defaultOf: (name: string) => string): string[] {
  const rows = names.map(name => {
    const mode = defOf(name)?.update === 'read-only' ? '' : 'yes'
    return `| \`${name}\` | ${defaultOf(name)} | ${mode} | ${honouredSettings[name]} |`
  })
  return ['| name | default | while running | what it does |', '|---|---|---|---|', ...rows]
}

const defOf = (name: string) => kafkaBrokerDefs.get(name) ?? ownBrokerDefs.get(name)

function shownDefault(name: string): string {
  const text = defOf(name)?.defaultText ?? null
  if (text === null) return 'not set'
  return text === '' ? 'empty' : `\`${text.replaceAll(',', ', ')}\``
}
