/** `millrace transaction drop`: takes records that nobody can read out of the catalog of a stopped broker. What can be read is its producers' business. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { silentLogger } from '@millrace/base'
import { decodeTransactionRecord } from '@millrace/broker'
import { MalformedError } from '@millrace/protocol'
import { nodeFileSystem, openSqliteCatalog, type StoredTransaction } from '@millrace/storage'
import type { TransactionDropOptions } from './commands/transaction.ts'
import { DEFAULT_DIR, existingFolder } from './log-verify.ts'
import { CATALOG_FILE } from './serve/open-engine.ts'
import { CliError } from './shared/cli-error.ts'
import type { Session } from './shared/session.ts'
import { plural } from './shared/units.ts'

interface Unreadable {
  readonly transactionalId: string
  readonly reason: string
}

export async function transactionDrop(
  { out }: Session,
  ids: readonly string[],
  { dir = DEFAULT_DIR, execute = false }: Partial<TransactionDropOptions>,
): Promise<number> {
  const folder = existingFolder(dir)
  const path = join(folder, CATALOG_FILE)
  if (!existsSync(path))
    throw new CliError(`there is no catalog in ${folder}`, { hint: '--dir names the first of log.dirs' })
  const lock = nodeFileSystem.lock(join(folder, '.lock'))
  if (lock === undefined)
    throw new CliError(`the data folder ${folder} is in use by another process`, { hint: 'stop the broker first' })
  try {
    // It has the folder to itself, so whose place in the file it takes does not matter.
    const catalog = openSqliteCatalog({ path, nodeId: 1, logger: silentLogger })
    try {
      const found = unreadable(await catalog.loadTransactions(), ids)
      if (out.form === 'json') out.json({ executed: execute, unreadable: found })
      else for (const { transactionalId, reason } of found) out.print(`${transactionalId}: ${reason}\n`)
      if (found.length === 0) out.note('every record can be read: there is nothing to drop')
      else if (!execute) out.note(`${plural(found.length, 'record')} to drop; nothing was changed: --execute does it`)
      if (found.length === 0 || !execute) return found.length === 0 ? 0 : 1
      const changes = found.map(({ transactionalId }) => ({ kind: 'deleteTransaction' as const, transactionalId }))
      await catalog.write(changes, { isVital: true })
      out.note(`${plural(found.length, 'record')} dropped`)
      return 0
    } finally {
      catalog.close()
    }
  } finally {
    lock.release()
  }
}

function unreadable(stored: readonly StoredTransaction[], ids: readonly string[]): Unreadable[] {
  const known = new Set(stored.map(({ transactionalId }) => transactionalId))
  const missing = ids.find(id => !known.has(id))
  if (missing !== undefined) throw new CliError(`there is no transactional id '${missing}' in the catalog`)
  const found = stored.flatMap(({ transactionalId, value }) => {
    const reason = faultOf(transactionalId, value)
    return reason === undefined ? [] : [{ transactionalId, reason }]
  })
  if (ids.length === 0) return found
  const readable = ids.find(id => found.every(({ transactionalId }) => transactionalId !== id))
  if (readable !== undefined)
    throw new CliError(`the record of '${readable}' can be read and is not dropped`, {
      hint: 'its next producer ends what is open; kafka-transactions.sh shows and ends it as well',
    })
  return found.filter(({ transactionalId }) => ids.includes(transactionalId))
}

function faultOf(transactionalId: string, value: Uint8Array): string | undefined {
  try {
    decodeTransactionRecord(transactionalId, value)
    return undefined
  } catch (error) {
    if (!(error instanceof MalformedError)) throw error
    return error.message
  }
}
