import assert from 'node:assert/strict'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { brokerConfigOf } from '@millrace/broker'
import { DEFAULT_DIR } from '../../packages/cli/src/log-verify.ts'
import { startDiskBroker } from './disk-broker.ts'
import { millrace, millraceAt } from './millrace.ts'

const root = mkdtempSync(join(tmpdir(), 'millrace-verify-'))
after(() => rmSync(root, { recursive: true, force: true }))

const SEGMENT = `${'0'.repeat(20)}.log`

test('a flipped bit is found while the broker runs, told to its reader alone, and skipped by a repair that says what is lost', async () => {
  const folder = join(root, 'data')
  const { broker, port } = await startDiskBroker(folder)
  const at = millraceAt(port)
  const verify = ['log', 'verify', '--dir', folder]
  for (const word of ['one', 'two', 'three']) await at(['produce', 'words'], { stdin: `${word}\n` })
  await at(['produce', 'others'], { stdin: 'x\n' })

  const fine = await millrace(verify)
  assert.equal(fine.status, 0, fine.stdout + fine.stderr)
  assert.match(fine.stdout, /\nwords +0 +1 +3 +3 +\S+ \S+ +0\.\.3 +0 +0\n/)
  assert.match(fine.stderr, /is in use: what is being written was left out\nno problems\n/)
  assert.match((await millrace(['log', 'repair', '--dir', folder])).stderr, /is in use.*\nhint: stop the broker first/)

  await broker.stop()
  const path = join(folder, 'words-0', SEGMENT)
  const bytes = readFileSync(path)
  const second = bytes.readInt32BE(8) + 12
  bytes[second + 70]! ^= 4
  writeFileSync(path, bytes)

  const again = await startDiskBroker(folder)
  const found = await millrace([...verify, '--output', 'json'])
  assert.equal(found.status, 1)
  const [problem] = JSON.parse(found.stdout).folders[0].partitions[1].problems
  assert.deepEqual([problem.kind, problem.path, problem.position], ['batch', path, second])
  // The broker hands on what it has; who reads checks it.
  const words = await millraceAt(again.port)(['consume', 'words', '-o', 'beginning', '--exit', '-f', '%s\\n'])
  assert.equal(words.status, 1)
  assert.match(words.stderr, /offset 1 of words-0|words-0.*offset 1|CRC|checksum/i)
  const others = await millraceAt(again.port)(['consume', 'others', '-o', 'beginning', '--exit', '-f', '%s\\n'])
  assert.deepEqual([others.status, others.stdout], [0, 'x\n'])
  await again.broker.stop()

  const before = readdirSync(join(folder, 'words-0'))
  const planned = await millrace(['log', 'repair', '--dir', folder])
  assert.equal(planned.status, 1)
  assert.match(planned.stdout, /LOST: the records at offset 1\n/)
  assert.match(planned.stderr, /1 step to do; nothing was changed/)
  assert.deepEqual(readdirSync(join(folder, 'words-0')), before)
  const done = await millrace(['log', 'repair', '--dir', folder, 'words', '--execute'])
  assert.equal(done.status, 0, done.stderr)
  assert.equal((await millrace(verify)).status, 0)

  const repaired = await startDiskBroker(folder)
  const left = await millraceAt(repaired.port)(['consume', 'words', '-o', 'beginning', '--exit', '-f', '%o %s\\n'])
  assert.deepEqual([left.status, left.stdout], [0, '0 one\n2 three\n'])
  await repaired.broker.stop()
})

test('names that are not there are said to be so', async () => {
  assert.match(
    (await millrace(['log', 'verify', '--dir', join(root, 'nowhere')])).stderr,
    /there is no folder .*nowhere/,
  )
  for (const command of ['verify', 'repair']) {
    const { status, stderr } = await millrace(['log', command, '--dir', root, 'orders'])
    assert.equal(status, 1)
    assert.match(stderr, /there is no topic 'orders'/)
  }
})

test('without --dir it is the folder that a broker takes without log.dirs, and a path is not taken for a topic', async () => {
  assert.deepEqual(brokerConfigOf().logDirs, [DEFAULT_DIR])
  for (const command of ['verify', 'repair']) {
    const { status, stderr } = await millrace(['log', command, './somewhere'])
    assert.equal(status, 2)
    assert.match(stderr, /^error: '.\/somewhere' is a path, and no topic\nhint: .*--dir .\/somewhere\n$/)
  }
})
