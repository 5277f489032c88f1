/** A write that the operating system itself refuses: the child may write files up to a size only, until we lift the limit. */
import assert from 'node:assert/strict'
import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { test } from 'node:test'
import { silentLogger } from '@millrace/base'
import { openSqliteCatalog } from './sqlite-catalog.ts'

const canLimit = process.platform === 'linux' && spawnSync('prlimit', ['--version']).status === 0

const FILE_BYTES_MAX = 300_000

/** Puts one group more for each line it reads, and answers how that went. */
const writer = `
  const { createInterface } = await import('node:readline')
  const { openSqliteCatalog } = await import(process.env.CATALOG_MODULE)
  const logger = { debug() {}, info() {}, warn() {}, error() {} }
  const catalog = openSqliteCatalog({ path: process.env.CATALOG_PATH, nodeId: 1, logger })
  process.stdout.write('ready\\n')
  let count = 0
  for await (const _ of createInterface({ input: process.stdin })) {
    const change = { kind: 'putGroup', groupId: String(count++), value: new Uint8Array(50_000) }
    const answer = await catalog.write([change]).then(() => 'written', error => error.code + ' ' + error.cause?.name)
    process.stdout.write(answer + '\\n')
  }
`

function limitFileSize(child: ChildProcess, bytes: string): void {
  execFileSync('prlimit', ['--pid', String(child.pid), `--fsize=${bytes}:unlimited`])
}

test('an I/O error makes writes UNAVAILABLE, and the catalog goes on when it is over (Linux, with prlimit)', {
  skip: !canLimit,
  timeout: 60_000,
}, async t => {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-catalog-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  const path = join(folder, 'catalog.db')
  const child = spawn(process.execPath, ['--conditions=source', '--input-type=module', '--eval', writer], {
    env: { ...process.env, CATALOG_PATH: path, CATALOG_MODULE: new URL('./sqlite-catalog.ts', import.meta.url).href },
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  t.after(() => child.kill('SIGKILL'))
  const closed = once(child, 'close')
  const answers = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  const nextAnswer = async (): Promise<unknown> => (await answers.next()).value
  const put = (): Promise<unknown> => {
    child.stdin.write('\n')
    return nextAnswer()
  }
  assert.equal(await nextAnswer(), 'ready')
  limitFileSize(child, String(FILE_BYTES_MAX))
  const outcomes: unknown[] = []
  while (outcomes.at(-1) !== 'UNAVAILABLE StorageError' && outcomes.length < 20) outcomes.push(await put())
  assert.equal(outcomes.at(-1), 'UNAVAILABLE StorageError', outcomes.join(', '))
  outcomes.push(await put())
  limitFileSize(child, 'unlimited')
  outcomes.push(await put())
  assert.equal(outcomes.at(-1), 'written')
  child.kill('SIGKILL')
  await closed

  const catalog = openSqliteCatalog({ path, nodeId: 1, logger: silentLogger })
  t.after(() => catalog.close())
  const stored = (await catalog.loadGroups()).map(group => Number(group.groupId)).sort((a, b) => a - b)
  assert.deepEqual(
    stored,
    outcomes.flatMap((outcome, i) => (outcome === 'written' ? [i] : [])),
  )
})
