/** Open transactions, the last stable offset and the aborted ones live in memory and in files that may be lost: the log itself tells all of it. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { seededRandom } from '@millrace/base'
import { FaultFileSystem } from '@millrace/testkit/fault-file-system'
import { errorOf } from '../conformance.ts'
import { sampleMarker } from '../sample-batch.ts'
import { DiskPartition, FOLDER, HeldClock, type OpenOptions } from './disk-fixture.ts'

/** Two or three batches a segment. */
const SMALL = { segmentBytes: 230, indexIntervalBytes: 60 }

const inTransaction = (producerId: number, baseSequence: number, nowMs: number) => ({
  producerId,
  producerEpoch: 0,
  baseSequence,
  isTransactional: true,
  timestampsMs: [nowMs],
})

/** What happens to one log, step by step; each leaves behind what readers must then be told. */
const STEPS = [
  { batch: [1, 0], lastStableOffset: 0, aborted: [] },
  { batch: [2, 0], lastStableOffset: 0, aborted: [] },
  { marker: [1, 'abort'], lastStableOffset: 1, aborted: [[1, 0]] },
  { batch: [3, 0], lastStableOffset: 1, aborted: [[1, 0]] },
  { marker: [2, 'commit'], lastStableOffset: 3, aborted: [[1, 0]] },
  { batch: [1, 1], lastStableOffset: 3, aborted: [[1, 0]] },
  {
    marker: [3, 'abort'],
    lastStableOffset: 5,
    aborted: [
      [1, 0],
      [3, 3],
    ],
  },
  {
    marker: [1, 'abort'],
    lastStableOffset: 8,
    aborted: [
      [1, 0],
      [3, 3],
      [1, 5],
    ],
  },
] as const

const NOTHING_YET = { lastStableOffset: 0, aborted: [] as readonly (readonly number[])[] }

async function take(disk: DiskPartition, step: (typeof STEPS)[number]): Promise<boolean> {
  const outcome =
    'marker' in step
      ? await disk.mark(sampleMarker(step.marker[0], step.marker[1]))
      : await disk.append(inTransaction(step.batch[0], step.batch[1], disk.clock.now()))
  return outcome.kind === 'appended'
}

async function reads(disk: DiskPartition): Promise<{ lastStableOffset: number; aborted: number[][] }> {
  const found = { lastStableOffset: disk.log().lastStableOffset, aborted: new Set<string>() }
  for (let offset = 0; offset < found.lastStableOffset; offset++) {
    const entry = { partition: disk.log(), offset, maxBytes: 1, isolation: 'read_committed' as const }
    const [outcome] = await disk.engine.logs.read([entry], { maxBytes: 1, atLeastOneBatch: true })
    assert(outcome?.kind === 'read', JSON.stringify(outcome))
    for (const t of outcome.abortedTransactions) found.aborted.add(JSON.stringify([t.producerId, t.firstOffset]))
  }
  return { ...found, aborted: [...found.aborted].map(text => JSON.parse(text) as number[]) }
}

/** Those that can be met below the last stable offset. */
function expected(step: { lastStableOffset: number; aborted: readonly (readonly number[])[] }): unknown {
  return {
    lastStableOffset: step.lastStableOffset,
    aborted: step.aborted.filter(([, firstOffset]) => firstOffset! < step.lastStableOffset),
  }
}

async function steppedTo(count: number, options: OpenOptions): Promise<DiskPartition> {
  const disk = await DiskPartition.open(new FaultFileSystem(), options)
  for (const step of STEPS.slice(0, count)) assert(await take(disk, step))
  return disk
}

describe('transactions on disk', () => {
  it('are what they were after a stop, and after a kill, at every step', async () => {
    for (const isKilled of [false, true])
      for (let count = 1; count <= STEPS.length; count++) {
        const options = { config: SMALL }
        const disk = await steppedTo(count, options)
        assert.deepEqual(await reads(disk), expected(STEPS[count - 1]!), `before, after step ${count}`)
        if (!isKilled) await disk.engine.close()
        const again = await DiskPartition.open(isKilled ? disk.fs.afterKill() : disk.fs, options)
        assert.deepEqual(await reads(again), expected(STEPS[count - 1]!), `after step ${count}`)
        for (const step of STEPS.slice(count)) assert(await take(again, step))
        assert.deepEqual(await reads(again), expected(STEPS.at(-1)!))
        await again.engine.close()
      }
  })

  it('are what they were when the process is killed at any byte, or the power goes, with every step synced', async () => {
    const options = { config: { ...SMALL, flushMessages: 1 } }
    let cuts = 0
    for (let at = 0; ; at += 3) {
      const fs = new FaultFileSystem()
      fs.killAfter(at)
      let taken = 0
      try {
        const disk = await DiskPartition.open(fs, options)
        for (const step of STEPS) if (await take(disk, step)) taken++
        await disk.engine.close()
      } catch (fault) {
        if (!fs.isDead) throw fault
      }
      if (!fs.isDead) break
      cuts++
      for (const left of [fs.afterKill(), fs.afterPowerCut(seededRandom(at))]) {
        const again = await DiskPartition.open(left, options)
        const done = again.log().highWatermark
        assert(done === taken || done === taken + 1, `${done} of ${taken}`)
        assert.deepEqual(await reads(again), expected(STEPS[done - 1] ?? NOTHING_YET), `killed at ${at}`)
        for (const step of STEPS.slice(done)) assert(await take(again, step))
        assert.deepEqual(await reads(again), expected(STEPS.at(-1)!))
        await again.engine.close()
      }
    }
    assert(cuts > 100, `${cuts} cuts`)
  })

  it('are found again when every index is lost in a kill', async () => {
    const options = { config: SMALL }
    const disk = await steppedTo(STEPS.length, options)
    const fs = disk.fs.afterKill()
    const lost = fs.list(FOLDER).filter(name => /\.(txnindex|index|timeindex|snapshot)$/.test(name))
    assert(lost.some(name => name.endsWith('.txnindex')))
    for (const name of lost) fs.remove(`${FOLDER}/${name}`)
    assert.deepEqual(await reads(await DiskPartition.open(fs, options)), expected(STEPS.at(-1)!))
  })

  it('are found again when the index of a closed segment is garbled', async () => {
    for (const garble of [(content: Buffer) => content.subarray(0, 20), (content: Buffer) => content.fill(0xff)]) {
      const options = { config: SMALL }
      const disk = await steppedTo(STEPS.length, options)
      for (let i = 0; i < 5; i++) await disk.append({ timestampsMs: [disk.clock.now()], values: ['x'.repeat(100)] })
      await disk.engine.close()
      const indexes = disk.fs.list(FOLDER).filter(name => name.endsWith('.txnindex'))
      assert(indexes.length > 1)
      for (const name of indexes) disk.fs.garble(`${FOLDER}/${name}`, garble)
      const again = await DiskPartition.open(disk.fs, options)
      const { aborted } = await reads(again)
      assert.deepEqual(aborted, STEPS.at(-1)!.aborted)
    }
  })

  const indexesOf = (fs: FaultFileSystem): string[] =>
    fs
      .list(FOLDER)
      .filter(name => name.endsWith('.txnindex'))
      .sort()

  for (const config of [SMALL, {}])
    it(`are found again when a transaction index is lost after a clean stop (${JSON.stringify(config)})`, async () => {
      const options = { config }
      const stopped = await steppedTo(STEPS.length, options)
      await stopped.engine.close()
      const names = indexesOf(stopped.fs)
      assert(names.length > 0)
      for (const name of names) {
        const disk = await steppedTo(STEPS.length, options)
        await disk.engine.close()
        disk.fs.remove(`${FOLDER}/${name}`)
        const again = await DiskPartition.open(disk.fs, options)
        assert.deepEqual(await reads(again), expected(STEPS.at(-1)!), `without ${name}`)
        await again.engine.close()
        assert.deepEqual(indexesOf(again.fs), names, 'it is there again')
        const third = await DiskPartition.open(again.fs, options)
        assert.deepEqual(await reads(third), expected(STEPS.at(-1)!))
      }
    })

  it('are found again when any byte of a transaction index is another after a clean stop', async () => {
    for (const config of [SMALL, {}])
      for (let at = 0; ; at++) {
        const options = { config }
        const disk = await steppedTo(STEPS.length, options)
        await disk.engine.close()
        const longer = indexesOf(disk.fs).filter(name => disk.fs.contentOf(`${FOLDER}/${name}`).length > at)
        if (longer.length === 0) break
        for (const name of longer)
          disk.fs.garble(`${FOLDER}/${name}`, content => {
            content[at]! ^= 1
            return content
          })
        const again = await DiskPartition.open(disk.fs, options)
        assert.deepEqual(await reads(again), expected(STEPS.at(-1)!), `byte ${at}`)
      }
  })

  it('are found again when the index of a closed segment is lost in a kill', async () => {
    const options = { config: SMALL }
    const fs = (await checkpointed()).fs.afterKill()
    const names = indexesOf(fs)
    assert(names.length > 1)
    for (const name of names) fs.remove(`${FOLDER}/${name}`)
    const again = await DiskPartition.open(fs, options)
    assert(again.report.recoveredSegments <= 2, `${again.report.recoveredSegments} segments were read through`)
    assert.deepEqual((await reads(again)).aborted, STEPS.at(-1)!.aborted)
  })

  /** With everything up to the checkpoints: what is closed is believed from now on. */
  async function checkpointed(): Promise<DiskPartition> {
    const disk = await steppedTo(STEPS.length, { config: SMALL })
    for (let i = 0; i < 5; i++) await disk.append({ timestampsMs: [disk.clock.now()], values: ['x'.repeat(100)] })
    await disk.clock.pass(60_000)
    return disk
  }

  it('are found again when the index of a closed segment is damaged, whatever a power cut took before', async () => {
    for (let seed = 0; seed < 40; seed++) {
      const fs = (await checkpointed()).fs.afterPowerCut(seededRandom(seed))
      // Another one is closed: what it is noted with is on the device, or made by this process.
      const disk = await DiskPartition.open(fs, { config: SMALL })
      for (const name of indexesOf(fs).slice(0, -1)) fs.flipBit(`${FOLDER}/${name}`, 8 * 17)
      for (const producerId of [8, 9]) {
        await disk.append(inTransaction(producerId, 0, disk.clock.now()))
        await disk.mark(sampleMarker(producerId, 'abort'))
      }
      await disk.engine.close()
      const again = await DiskPartition.open(fs, { config: SMALL })
      const { aborted } = await reads(again)
      for (const known of STEPS.at(-1)!.aborted)
        assert(
          aborted.some(([producerId, firstOffset]) => producerId === known[0] && firstOffset === known[1]),
          `seed ${seed}: ${JSON.stringify(aborted)} lacks ${JSON.stringify(known)}`,
        )
    }
  })

  it('are found again when the index of a closed segment is damaged after it was read', async () => {
    const disk = await checkpointed()
    assert.deepEqual((await reads(disk)).aborted, STEPS.at(-1)!.aborted)
    for (const name of indexesOf(disk.fs)) disk.fs.flipBit(`${FOLDER}/${name}`, 8 * 17)
    assert.deepEqual((await reads(disk)).aborted, STEPS.at(-1)!.aborted)
  })

  it('are read through by the next start as long as their index could not be noted', async () => {
    const fs = new FaultFileSystem()
    const disk = await DiskPartition.open(fs, { config: SMALL })
    fs.inject({ operation: 'write', path: 'transaction-indexes', code: 'DISK_FULL' })
    for (const step of STEPS) assert(await take(disk, step))
    for (let i = 0; i < 5; i++) await disk.append({ timestampsMs: [disk.clock.now()], values: ['x'.repeat(100)] })
    await disk.clock.pass(60_000)
    const [name] = indexesOf(fs)
    const cut = fs.afterPowerCut(seededRandom(1))
    cut.flipBit(`${FOLDER}/${name}`, 8 * 17)
    assert.deepEqual((await reads(await DiskPartition.open(cut, { config: SMALL }))).aborted, STEPS.at(-1)!.aborted)
  })

  it('that began in an earlier segment are indexed again when the offset index of the last one is damaged', async () => {
    const options = { config: { indexIntervalBytes: 60 } }
    for (const damaged of ['.index', '.timeindex', '.txnindex']) {
      const disk = await DiskPartition.open(new FaultFileSystem(), options)
      for (const step of STEPS.slice(0, 5)) assert(await take(disk, step))
      await disk.engine.close()
      // Another segment begins here, in the middle of a transaction.
      const rolled = await DiskPartition.open(disk.fs, { config: { ...options.config, segmentBytes: 400 } })
      for (const step of STEPS.slice(5)) assert(await take(rolled, step))
      await rolled.engine.close()
      const last = rolled.fs
        .list(FOLDER)
        .filter(name => name.endsWith('.log'))
        .sort()
        .at(-1)!
      assert.notEqual(last, '00000000000000000000.log')
      const path = `${FOLDER}/${last.replace('.log', damaged)}`
      if (rolled.fs.stat(path) !== undefined) rolled.fs.garble(path, content => content.fill(0xff))
      const again = await DiskPartition.open(rolled.fs, options)
      assert.deepEqual(await reads(again), expected(STEPS.at(-1)!), damaged)
      await again.engine.close()
    }
  })

  it('still fence, and go on in sequence, after a restart', async () => {
    const disk = await steppedTo(0, {})
    const { clock } = disk
    await disk.append(inTransaction(1, 0, clock.now()))
    await disk.mark(sampleMarker(1, 'abort', { producerEpoch: 1, transactionVersion: 2, coordinatorEpoch: 3 }))
    await disk.append({ ...inTransaction(2, 0, clock.now()), values: ['a', 'b'] })
    const again = await DiskPartition.open(disk.fs.afterKill())
    assert.equal(errorOf(await again.append(inTransaction(1, 1, clock.now()))), 'INVALID_PRODUCER_EPOCH')
    const stale = sampleMarker(1, 'abort', { producerEpoch: 1, transactionVersion: 2, coordinatorEpoch: 2 })
    assert.equal(errorOf(await again.mark(stale)), 'TRANSACTION_COORDINATOR_FENCED')
    assert(again.engine.logs.hasOpenTransaction(again.log(), { producerId: 2, producerEpoch: 0 }))
    assert.equal((await again.append(inTransaction(2, 2, clock.now()))).kind, 'appended')
    assert.equal((await again.mark(sampleMarker(2, 'commit'))).kind, 'appended')
  })

  it('are not decided for readers before the marker is on the device', async () => {
    const fs = new FaultFileSystem()
    const disk = await DiskPartition.open(fs, { config: { flushMessages: 2 }, clock: new HeldClock() })
    await Promise.all([disk.append(inTransaction(1, 0, disk.clock.now())), disk.append({ timestampsMs: [1] })])
    assert.equal(disk.log().highWatermark, 2)
    const plain = disk.mark(sampleMarker(2, 'commit'))
    const marker = disk.mark(sampleMarker(1, 'abort'))
    assert(disk.log().highWatermark < 4)
    assert.equal(disk.log().lastStableOffset, 0, 'the marker may still be lost')
    await Promise.all([plain, marker])
    assert.equal(disk.log().lastStableOffset, 4)
  })
})
