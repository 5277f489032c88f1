import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, it } from 'node:test'
import { nodeFileSystem } from './node-file-system.ts'

const root = await mkdtemp(join(tmpdir(), 'millrace-lock-'))
const children: ChildProcess[] = []
after(async () => {
  for (const child of children) child.kill('SIGKILL')
  await rm(root, { recursive: true })
})

/** Takes the lock, says so, and holds it until it is killed. */
const holder = `
  import { nodeFileSystem } from ${JSON.stringify(new URL('./node-file-system.ts', import.meta.url).href)}
  process.stdout.write(nodeFileSystem.lock(process.argv[1]) === undefined ? 'refused' : 'held')
  setInterval(() => {}, 1000)
`

async function start(path: string): Promise<{ says: string; kill: () => Promise<void> }> {
  const child = spawn(process.execPath, ['--conditions=source', '--input-type=module', '-e', holder, path], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  children.push(child)
  const [says] = (await Promise.race([once(child.stdout, 'data'), once(child, 'exit')])) as [Buffer | number]
  const kill = async (): Promise<void> => {
    child.kill('SIGKILL')
    await once(child, 'exit')
  }
  return { says: String(says), kill }
}

it('holds a folder against other processes, and not a moment longer than its process lives', {
  timeout: 30_000,
}, async () => {
  const path = join(root, '.lock')
  const first = await start(path)
  assert.equal(first.says, 'held')
  const second = await start(path)
  assert.equal(second.says, 'refused')
  await second.kill()
  assert.equal(nodeFileSystem.lock(path), undefined, 'the end of one that was refused frees nothing')
  await first.kill()
  const lock = nodeFileSystem.lock(path)
  assert(lock !== undefined)
  assert.equal(nodeFileSystem.lock(path), undefined, 'nor is it given twice in one process')
  lock.release()
  assert.equal((await stat(path)).size, 0)
  nodeFileSystem.lock(path)?.release()
})
