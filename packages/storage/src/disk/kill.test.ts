import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { after, it } from 'node:test'
import { silentLogger, systemClock } from '@millrace/base'
import { baseOffsetOf, lastOffsetOf } from '@millrace/protocol'
import { batchesOf, sampleConfig, sampleTopicId } from '../conformance.ts'
import { emptyCatalog } from '../sample-catalog.ts'
import { openDiskEngine } from './disk-engine.ts'

const root = await mkdtemp(join(tmpdir(), 'millrace-kill-'))
after(() => rm(root, { recursive: true }))

const layout = {
  topic: 't',
  topicId: sampleTopicId(1),
  partitionCount: 1,
  config: { ...sampleConfig, segmentBytes: 20_000 },
}
const moduleAt = (path: string): string => JSON.stringify(new URL(path, import.meta.url).href)

/** Appends for ever, and says each time up to where. */
const writer = `
  import { silentLogger, systemClock } from '@millrace/base'
  import { openDiskEngine } from ${moduleAt('./disk-engine.ts')}
  import { emptyCatalog } from ${moduleAt('../sample-catalog.ts')}
  import { sampleBatch } from ${moduleAt('../sample-batch.ts')}
  const [, dir, text] = process.argv
  const layout = JSON.parse(text)
  const engine = await openDiskEngine({ dirs: [dir], catalog: emptyCatalog, clock: systemClock, logger: silentLogger })
  await engine.logs.start([layout])
  const log = engine.logs.partition(layout.topicId, 0)
  for (;;) {
    for (let i = 0; i < 50; i++)
      await engine.logs.append([{ partition: log, records: sampleBatch({ values: [String(log.highWatermark)] }) }])
    process.stdout.write(log.highWatermark + '\\n')
    await new Promise(resolve => setImmediate(resolve))
  }
`

it('holds what a process said it had written when that is killed in the middle of writing', {
  timeout: 60_000,
}, async () => {
  const dir = join(root, 'data')
  let acknowledged = 0
  for (let round = 0; round < 3; round++) {
    const child = spawn(
      process.execPath,
      ['--conditions=source', '--input-type=module', '-e', writer, dir, JSON.stringify(layout)],
      { stdio: ['ignore', 'pipe', 'inherit'] },
    )
    const until = acknowledged + 500
    for await (const line of createInterface(child.stdout)) {
      acknowledged = Number(line)
      if (acknowledged >= until) child.kill('SIGKILL')
    }
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
    await holds(dir, acknowledged)
  }
})

async function holds(dir: string, acknowledged: number): Promise<void> {
  const engine = await openDiskEngine({ dirs: [dir], catalog: emptyCatalog, clock: systemClock, logger: silentLogger })
  const report = await engine.logs.start([layout])
  assert.equal(report.cleanStart, false)
  const log = engine.logs.partition(layout.topicId, 0)!
  assert(log.highWatermark >= acknowledged, `${log.highWatermark} of ${acknowledged}`)
  let offset = 0
  while (offset < log.highWatermark) {
    const entry = { partition: log, offset, maxBytes: 100_000, isolation: 'read_uncommitted' as const }
    const [outcome] = await engine.logs.read([entry], { maxBytes: 100_000, atLeastOneBatch: true })
    assert(outcome?.kind === 'read' && outcome.bytes > 0)
    for (const batch of batchesOf(outcome.records)) {
      assert.equal(baseOffsetOf(batch, 0), offset)
      assert(batch.includes(String(offset)), 'each record says its own offset')
      offset = lastOffsetOf(batch, 0) + 1
    }
  }
  await engine.close()
}
