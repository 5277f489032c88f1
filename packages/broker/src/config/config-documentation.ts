import { topicDefs } from './config-defs.ts'
import { honouredSettings } from './honoured-settings.ts'

/** One sentence on what a configuration does here: a topic's own is that of the broker's setting it inherits from. Null where it does nothing. */
export function documentationOf(name: string): string | null {
  return honouredSettings[name] ?? honouredSettings[topicDefs.get(name)?.synonyms[0] ?? ''] ?? null
}
