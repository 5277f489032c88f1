/** Which topics of a catalog are compacted, asked beside the broker that may be using it: nothing is locked, fenced or changed. */
import { DatabaseSync } from 'node:sqlite'

/** Undefined when the file is not there or cannot be read: then nobody knows. */
export function readCompactedTopics(path: string): ReadonlyMap<string, boolean> | undefined {
  let db: DatabaseSync | undefined
  try {
    db = new DatabaseSync(path, { readOnly: true })
    const rows = db.prepare(POLICIES).all() as { name: string; value: string | null }[]
    return new Map(rows.map(({ name, value }) => [name, (value ?? '').includes('compact')]))
  } catch {
    return undefined
  } finally {
    db?.close()
  }
}

const POLICIES = `
  SELECT topics.name AS name, configs.value AS value FROM topics
  LEFT JOIN configs ON configs.resource = 'topic' AND configs.resource_name = topics.name AND configs.name = 'cleanup.policy'`
