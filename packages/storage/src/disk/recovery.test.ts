import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { createLogger, seededRandom } from '@millrace/base'
import { batchSizeOf, hasValidCrc } from '@millrace/protocol'
import { FaultFileSystem } from '@millrace/testkit/fault-file-system'
import { baseOffsets, errorOf } from '../conformance.ts'
import type { LogConfig } from '../engine.ts'
import { sampleBatch } from '../sample-batch.ts'
import { DiskPartition, FOLDER, type OpenOptions, settled } from './disk-fixture.ts'

const producer = (baseSequence: number) => ({ producerId: 5, producerEpoch: 0, baseSequence })

/** Small enough to be cut everywhere, and with a roll and index entries in it. */
const small: Partial<LogConfig> = { segmentBytes: 230, indexIntervalBytes: 60 }
const BATCHES = 5

interface Run {
  readonly fs: FaultFileSystem
  /** What the engine said was appended, in order, and the bytes of it. */
  readonly acknowledged: number
}

const batchOf = (i: number) => ({ ...producer(i * 2), values: [`a${i}`, `b${i}`], timestampsMs: [1000 + i] })

/** Starts, appends, stops; ends early when the process is killed. */
async function run(fs: FaultFileSystem, options: OpenOptions): Promise<Run> {
  let acknowledged = 0
  try {
    const disk = await DiskPartition.open(fs, options)
    for (let i = 0; i < BATCHES; i++) {
      const outcome = await disk.append(batchOf(i))
      if (outcome.kind !== 'appended') return { fs, acknowledged }
      assert.equal(outcome.baseOffset, i * 2)
      acknowledged++
    }
    await disk.engine.close()
  } catch (fault) {
    if (!fs.isDead) throw fault
  }
  return { fs, acknowledged }
}

/** All that was acknowledged is there, the same and in order; at most one more that was not; and the log goes on. */
async function holds(fs: FaultFileSystem, acknowledged: number, options: OpenOptions): Promise<void> {
  const disk = await DiskPartition.open(fs, options)
  assert.deepEqual(disk.report.failures, [])
  const found = await disk.readAll()
  assert(found.length === acknowledged || found.length === acknowledged + 1, `${found.length} of ${acknowledged}`)
  for (const [i, batch] of found.entries()) {
    const sent = sampleBatch(batchOf(i))
    assert.equal(Number(batch.readBigInt64BE(0)), i * 2)
    assert.deepEqual(batch.subarray(16), sent.subarray(16))
  }
  if (found.length > 0) {
    const again = await disk.append(batchOf(found.length - 1))
    assert.deepEqual([again.kind, again.kind === 'duplicate' && again.baseOffset], ['duplicate', found.length * 2 - 2])
  }
  const next = await disk.append(batchOf(found.length))
  assert.deepEqual([next.kind, next.kind === 'appended' && next.baseOffset], ['appended', found.length * 2])
  for (let offset = 0; offset < found.length * 2; offset++) {
    const entry = { partition: disk.log(), offset, maxBytes: 1, isolation: 'read_uncommitted' as const }
    const [outcome] = await disk.engine.logs.read([entry], { maxBytes: 1, atLeastOneBatch: true })
    assert.deepEqual(baseOffsets(outcome!), [offset - (offset % 2)])
  }
  const found500 = await disk.engine.logs.listOffset(disk.log(), {
    kind: 'timestamp',
    timestampMs: 1000,
    isolation: 'read_uncommitted',
  })
  assert.equal(found500.kind === 'found' && found500.offset, 0)
  await disk.engine.close()
}

async function stepsOf(options: OpenOptions): Promise<number> {
  for (let steps = 256; ; steps *= 2) {
    const fs = new FaultFileSystem()
    fs.killAfter(steps)
    const { acknowledged } = await run(fs, options)
    if (!fs.isDead && acknowledged === BATCHES) return steps
  }
}

describe('recovery', () => {
  it('keeps what was acknowledged when the process is killed at any byte of anything it writes', async () => {
    const options = { config: small }
    const steps = await stepsOf(options)
    let cuts = 0
    for (let step = 0; step < steps; step++) {
      const fs = new FaultFileSystem()
      fs.killAfter(step)
      const { acknowledged } = await run(fs, options)
      if (!fs.isDead) break
      cuts++
      await holds(fs.afterKill(), acknowledged, options)
    }
    assert(cuts > 500, `${cuts} cuts`)
  })

  it('keeps what was acknowledged after a sync when the power goes at any byte of anything it writes', async () => {
    const options = { config: { ...small, flushMessages: 1 } }
    const steps = await stepsOf(options)
    for (let step = 0; step < steps; step++) {
      const fs = new FaultFileSystem()
      fs.killAfter(step)
      const { acknowledged } = await run(fs, options)
      if (!fs.isDead) break
      await holds(fs.afterPowerCut(seededRandom(step)), acknowledged, options)
    }
  })

  it('never opens to anything but a prefix when the power goes and nothing was synced', async () => {
    const options = { config: small }
    for (let seed = 0; seed < 200; seed++) {
      const fs = new FaultFileSystem()
      const disk = await DiskPartition.open(fs, options)
      for (let i = 0; i < BATCHES; i++) await disk.append(batchOf(i))
      const after = fs.afterPowerCut(seededRandom(seed))
      const again = await DiskPartition.open(after, options)
      assert.deepEqual(again.report.failures, [], `seed ${seed}`)
      const found = await again.readAll()
      for (const [i, batch] of found.entries())
        assert.deepEqual(batch.subarray(16), sampleBatch(batchOf(i)).subarray(16), `seed ${seed}`)
    }
  })
})

it('reads only what was not synced before a kill, soon after segments were closed', async () => {
  const fs = new FaultFileSystem()
  const disk = await DiskPartition.open(fs, { config: small })
  for (let i = 0; i < 12; i++) await disk.append(batchOf(i))
  await settled()
  await disk.clock.pass(5_000)
  const again = await DiskPartition.open(fs.afterKill(), { config: small })
  assert.equal(again.report.recoveredSegments, 1)
  assert.equal((await again.readAll()).length, 12)
  assert.equal((await again.append(batchOf(11))).kind, 'duplicate')
})

describe('a start after a clean stop', () => {
  const filled = async (config: Partial<LogConfig> = small) => {
    const fs = new FaultFileSystem()
    const disk = await DiskPartition.open(fs, { config })
    for (let i = 0; i < 12; i++) await disk.append(batchOf(i))
    await disk.engine.close()
    return fs
  }

  it('scans nothing and knows everything', async () => {
    const fs = await filled()
    const disk = await DiskPartition.open(fs, { config: small })
    assert.deepEqual(disk.report, {
      partitionCount: 1,
      cleanStart: true,
      recoveredSegments: 0,
      truncatedBytes: 0,
      failures: [],
    })
    assert.equal(disk.log().highWatermark, 24)
    assert.equal((await disk.append(batchOf(11))).kind, 'duplicate')
    assert.equal((await disk.append(batchOf(12))).kind, 'appended')
  })

  it('takes the marker away, so that the next end is not taken for a clean one', async () => {
    const fs = await filled()
    assert(fs.list('/data').includes('.kafka_cleanshutdown'))
    await DiskPartition.open(fs, { config: small })
    assert(!fs.list('/data').includes('.kafka_cleanshutdown'))
    const again = await DiskPartition.open(fs.afterKill(), { config: small })
    assert.equal(again.report.cleanStart, false)
  })

  for (const suffix of ['index', 'timeindex']) {
    it(`makes a lost .${suffix} again`, async () => {
      const fs = await filled()
      for (const name of fs.list(FOLDER).filter(n => n.endsWith(`.${suffix}`))) fs.remove(`${FOLDER}/${name}`)
      const disk = await DiskPartition.open(fs, { config: small })
      assert.deepEqual((await disk.readAll()).length, 12)
    })

    for (const [how, change] of [
      ['half an entry', (content: Buffer) => Buffer.concat([content, Buffer.from([1, 2, 3])])],
      ['other bytes', (content: Buffer) => content.fill(0x77)],
      ['zeros behind it', (content: Buffer) => Buffer.concat([content, Buffer.alloc(2400)])],
    ] as const) {
      it(`reads every record though each .${suffix} has ${how}`, async () => {
        const fs = await filled()
        for (const name of fs.list(FOLDER).filter(n => n.endsWith(`.${suffix}`))) fs.garble(`${FOLDER}/${name}`, change)
        const disk = await DiskPartition.open(fs, { config: small })
        assert.deepEqual(disk.report.failures, [])
        assert.equal((await disk.readAll()).length, 12)
        for (const i of [0, 4, 8, 11]) {
          const query = { kind: 'timestamp', timestampMs: 1000 + i, isolation: 'read_uncommitted' } as const
          const found = await disk.engine.logs.listOffset(disk.log(), query)
          assert.equal(found.kind === 'found' && found.offset, i * 2, JSON.stringify(found))
        }
        assert.equal((await disk.append(batchOf(12))).kind, 'appended')
      })
    }
  }

  for (const [how, change] of [
    ['lost', undefined],
    ['garbled', (content: Buffer) => content.fill(0x55)],
    ['cut short', (content: Buffer) => content.subarray(0, 20)],
  ] as const) {
    it(`reads producers from the log when every snapshot is ${how}`, async () => {
      const fs = await filled()
      for (const name of fs.list(FOLDER).filter(n => n.endsWith('.snapshot'))) {
        if (change === undefined) fs.remove(`${FOLDER}/${name}`)
        else fs.garble(`${FOLDER}/${name}`, change)
      }
      const disk = await DiskPartition.open(fs, { config: small })
      assert.equal((await disk.append(batchOf(11))).kind, 'duplicate')
      assert.equal(errorOf(await disk.append(batchOf(14))), 'OUT_OF_ORDER_SEQUENCE_NUMBER')
      assert.equal((await disk.append(batchOf(12))).kind, 'appended')
    })
  }

  it('goes on without checkpoints', async () => {
    const fs = await filled()
    for (const name of fs.list('/data').filter(n => n.endsWith('-checkpoint')))
      fs.garble(`/data/${name}`, () => Buffer.from('x'))
    fs.remove(`${FOLDER}/leader-epoch-checkpoint`)
    const disk = await DiskPartition.open(fs, { config: small })
    assert.equal((await disk.readAll()).length, 12)
    assert.deepEqual(await disk.engine.logs.epochEnd(disk.log(), 0), { kind: 'epoch', leaderEpoch: 0, endOffset: 24 })
  })

  it('tells the reader of damage inside the log, and serves the rest', async () => {
    const fs = await filled()
    const [first] = fs
      .list(FOLDER)
      .filter(n => n.endsWith('.log'))
      .sort()
    fs.garble(`${FOLDER}/${first}`, content => content.fill(0, 90, 110))
    const lines: string[] = []
    const logger = createLogger({ level: 'error', format: 'json', write: line => lines.push(line) })
    const disk = await DiskPartition.open(fs, { config: small, logger })
    const read = async (offset: number, maxBytes = 1) => {
      const entry = { partition: disk.log(), offset, maxBytes, isolation: 'read_uncommitted' as const }
      return (await disk.engine.logs.read([entry], { maxBytes, atLeastOneBatch: true }))[0]!
    }
    // What is good before the damage is given out first, however much is asked for.
    assert.deepEqual(baseOffsets(await read(0, 10_000)), [0])
    assert.deepEqual(lines, [])
    assert.equal(errorOf(await read(2)), 'CORRUPT_MESSAGE')
    assert.match(lines.join(''), new RegExp(`${first} has no readable batch at position \\d+`))
    assert.deepEqual(baseOffsets(await read(10)), [10])
    assert.equal((await disk.append(batchOf(12))).kind, 'appended')
  })

  it('tells the reader of a batch that says to be longer than its segment', async () => {
    const fs = await filled()
    const [first] = fs
      .list(FOLDER)
      .filter(n => n.endsWith('.log'))
      .sort()
    const disk = await DiskPartition.open(fs, { config: small })
    const read = async (offset: number) => {
      const entry = { partition: disk.log(), offset, maxBytes: 1, isolation: 'read_uncommitted' as const }
      return (await disk.engine.logs.read([entry], { maxBytes: 1, atLeastOneBatch: true }))[0]!
    }
    assert.deepEqual(baseOffsets(await read(0)), [0])
    fs.garble(`${FOLDER}/${first}`, content =>
      content.fill(1, batchSizeOf(content, 0) + 8, batchSizeOf(content, 0) + 9),
    )
    assert.equal(errorOf(await read(2)), 'CORRUPT_MESSAGE')
  })

  it('gives out a batch that says to reach over the last stable offset: its checksum tells the reader of the damage', async () => {
    const fs = await filled()
    const [first] = fs
      .list(FOLDER)
      .filter(n => n.endsWith('.log'))
      .sort()
    const disk = await DiskPartition.open(fs, { config: small })
    const end = disk.log().highWatermark
    await disk.append({ producerId: 1, producerEpoch: 0, baseSequence: 0, isTransactional: true })
    assert.equal(disk.log().lastStableOffset, end)
    const lastOffsetDeltaAt = 23
    fs.garble(`${FOLDER}/${first}`, content => content.fill(1, lastOffsetDeltaAt + 2, lastOffsetDeltaAt + 3))
    for (const maxBytes of [1, 10_000]) {
      const entry = { partition: disk.log(), offset: 0, maxBytes, isolation: 'read_committed' as const }
      const [outcome] = await disk.engine.logs.read([entry], { maxBytes, atLeastOneBatch: true })
      assert(outcome?.kind === 'read')
      assert(outcome.bytes > 0)
      assert(!hasValidCrc(Buffer.concat(outcome.records), 0))
    }
    const entry = { partition: disk.log(), offset: end, maxBytes: 10_000, isolation: 'read_committed' as const }
    const [outcome] = await disk.engine.logs.read([entry], { maxBytes: 10_000, atLeastOneBatch: true })
    assert(outcome?.kind === 'read' && outcome.bytes === 0, 'what is open is not given out')
  })
})
