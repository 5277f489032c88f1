import assert from 'node:assert/strict'
import { it } from 'node:test'
import { seededRandom } from '@millrace/base'
import { FaultFileSystem } from '@millrace/testkit/fault-file-system'
import fc from 'fast-check'
import { sampleBatch } from '../sample-batch.ts'
import { DiskPartition, type OpenOptions } from './disk-fixture.ts'

type Step =
  | { readonly kind: 'append'; readonly count: number; readonly size: number; readonly producer: number }
  | { readonly kind: 'kill'; readonly afterSteps: number }
  | { readonly kind: 'powerCut'; readonly seed: number; readonly afterSteps: number }
  | { readonly kind: 'stop' }
  | { readonly kind: 'deleteRecords'; readonly share: number }
  | { readonly kind: 'full'; readonly writtenBytes: number }

const afterSteps = fc.oneof(fc.constant(0), fc.nat(300))
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 12,
    arbitrary: fc.record({
      kind: fc.constant('append' as const),
      count: fc.integer({ min: 1, max: 4 }),
      size: fc.nat(60),
      producer: fc.nat(2),
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('kill' as const), afterSteps }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('powerCut' as const), seed: fc.nat(), afterSteps }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('stop' as const) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('deleteRecords' as const), share: fc.nat(100) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('full' as const), writtenBytes: fc.nat(100) }) },
)

interface Expected {
  readonly baseOffset: number
  readonly body: Buffer
}

/** What a user was told, and what therefore has to be so after anything that happens. */
class Told {
  appended: Expected[] = []
  logStart = 0
  readonly nextSequence = new Map<number, number>()
  /** Sent and not answered: it may be there, as the last. */
  inDoubt: { body: Buffer; producer: number; count: number } | undefined

  get end(): number {
    const last = this.appended.at(-1)
    return last === undefined ? 0 : last.baseOffset + last.body.readInt32BE(23 - 16) + 1
  }
}

const SEGMENTS = { segmentBytes: 400, indexIntervalBytes: 100 }

async function play(steps: readonly Step[], mode: { synced: boolean; lies?: boolean }): Promise<void> {
  const options: OpenOptions = { config: { ...SEGMENTS, ...(mode.synced ? { flushMessages: 1 } : {}) } }
  const told = new Told()
  let disk = await DiskPartition.open(new FaultFileSystem(), options)
  disk.fs.liesAboutSyncs = mode.lies ?? false
  const reopen = async (fs: FaultFileSystem, cut: 'kill' | 'powerCut'): Promise<void> => {
    disk = await DiskPartition.open(fs, options)
    assert.deepEqual(disk.report.failures, [])
    await check(disk, told, { mayForget: cut === 'powerCut' && !mode.synced })
  }
  for (const next of steps) {
    const { fs } = disk
    switch (next.kind) {
      case 'append':
        await append(disk, told, next)
        break
      case 'kill':
      case 'powerCut':
        fs.killAfter(next.afterSteps)
        for (let i = 0; i < 5 && next.afterSteps > 0 && told.inDoubt === undefined; i++)
          await append(disk, told, { count: 2, size: 30, producer: 0 })
        await reopen(next.kind === 'kill' ? fs.afterKill() : fs.afterPowerCut(seededRandom(next.seed)), next.kind)
        break
      case 'stop':
        await disk.engine.close()
        await reopen(fs, 'kill')
        break
      case 'deleteRecords': {
        const log = disk.log()
        const before = log.logStartOffset + Math.floor(((log.highWatermark - log.logStartOffset) * next.share) / 100)
        const outcome = await disk.engine.logs.deleteRecords(log, before)
        assert.equal(outcome.kind, 'deleted')
        told.logStart = before
        break
      }
      case 'full': {
        fs.inject({ operation: 'write', path: '.log', code: 'DISK_FULL', writtenBytes: next.writtenBytes })
        const [outcome] = await disk.engine.logs.append([
          { partition: disk.log(), records: sampleBatch({ values: [Buffer.alloc(100)] }) },
        ])
        assert.equal(outcome?.kind, 'refused')
        fs.heal()
        break
      }
      default:
        next satisfies never
    }
  }
  await disk.engine.close()
}

async function append(
  disk: DiskPartition,
  told: Told,
  { count, size, producer }: { count: number; size: number; producer: number },
): Promise<void> {
  const baseSequence = told.nextSequence.get(producer) ?? 0
  const values = Array.from({ length: count }, () => Buffer.alloc(size, told.appended.length))
  const batch = sampleBatch({ values, producerId: producer, producerEpoch: 0, baseSequence })
  const body = Buffer.from(batch.subarray(16))
  const outcome = await disk.append(batch)
  if (disk.fs.isDead && outcome.kind === 'refused') {
    told.inDoubt = { body, producer, count }
    return
  }
  assert(outcome.kind === 'appended', JSON.stringify(outcome))
  assert.equal(outcome.baseOffset, told.end)
  told.appended.push({ baseOffset: outcome.baseOffset, body })
  told.nextSequence.set(producer, baseSequence + count)
}

async function check(disk: DiskPartition, told: Told, { mayForget }: { mayForget: boolean }): Promise<void> {
  const found = await disk.readAll()
  const log = disk.log()
  if (!mayForget) assert(log.highWatermark >= told.end, `${log.highWatermark} of ${told.end}`)
  if (!mayForget) assert(log.logStartOffset >= told.logStart || log.logStartOffset === told.logStart)
  if (told.inDoubt !== undefined && log.highWatermark > told.end) {
    told.appended.push({ baseOffset: told.end, body: told.inDoubt.body })
    const { producer, count } = told.inDoubt
    told.nextSequence.set(producer, (told.nextSequence.get(producer) ?? 0) + count)
  }
  told.inDoubt = undefined
  assert(log.highWatermark <= told.end || mayForget)
  const byOffset = new Map(told.appended.map(expected => [expected.baseOffset, expected.body]))
  for (const batch of found) assert.deepEqual(batch.subarray(16), byOffset.get(Number(batch.readBigInt64BE(0))))
  if (!mayForget) return
  // What was only written may be gone, from some point on: the producers begin anew, as their clients would be told to.
  told.appended = told.appended.filter(({ baseOffset }) => baseOffset < log.highWatermark)
  told.logStart = log.logStartOffset
  if (told.end !== log.highWatermark) {
    assert.equal(log.logStartOffset, log.highWatermark, 'a log ends with a whole batch, or is empty')
    told.appended = [{ baseOffset: log.highWatermark - 1, body: oneRecord }]
  }
  for (const { producerId, lastSequence } of await disk.engine.logs.activeProducers(log))
    told.nextSequence.set(producerId, lastSequence + 1)
  for (const id of told.nextSequence.keys())
    if (!(await disk.engine.logs.activeProducers(log)).some(p => p.producerId === id)) told.nextSequence.delete(id)
}

const oneRecord = Buffer.from(sampleBatch().subarray(16))

for (const synced of [false, true]) {
  it(`holds what it said through kills, power cuts, stops and full disks (${synced ? 'synced' : 'written'})`, async t => {
    const seed = Number(process.env.SEED ?? Date.now() % 2 ** 31)
    t.diagnostic(`seed ${seed}`)
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 40 }), steps => play(steps, { synced })),
      { seed, numRuns: Number(process.env.RUNS ?? 150) },
    )
  })
}

it('would notice a sync that is missing', async () => {
  const steps = fc.array(step, { minLength: 10, maxLength: 40 })
  const property = fc.asyncProperty(steps, played => play(played, { synced: true, lies: true }))
  const { failed } = await fc.check(property, { seed: 1, numRuns: 50, endOnFailure: true })
  assert(failed)
})
