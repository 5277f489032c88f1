import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { seededRandom } from '@millrace/base'
import { FaultFileSystem } from '@millrace/testkit/fault-file-system'
import fc from 'fast-check'
import { Compacted, DELETE_RETENTION_MS } from './cleaner-fixture.ts'

type Step =
  | {
      readonly kind: 'append'
      readonly records: readonly (readonly [string | null, string | null])[]
      readonly producer: number
      readonly codec: 'none' | 'gzip' | 'snappy' | 'lz4' | 'zstd'
    }
  | {
      readonly kind: 'transact'
      readonly records: readonly (readonly [string, string | null])[]
      readonly producer: number
    }
  | { readonly kind: 'end'; readonly producer: number; readonly outcome: 'commit' | 'abort' }
  | { readonly kind: 'clean' | 'stop' }
  | { readonly kind: 'pass'; readonly ms: number }
  | { readonly kind: 'die'; readonly afterSteps: number; readonly powerCutSeed: number | undefined }

const key = fc.integer({ min: 0, max: 6 }).map(n => `key ${n}`)
const value = fc.option(fc.string({ maxLength: 30 }), { freq: 4 })
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 10,
    arbitrary: fc.record({
      kind: fc.constant('append' as const),
      records: fc.array(fc.tuple(fc.option(key, { freq: 9 }), value), { minLength: 1, maxLength: 4 }),
      producer: fc.integer({ min: -1, max: 2 }),
      codec: fc.constantFrom('none', 'none', 'gzip', 'snappy', 'lz4', 'zstd'),
    }),
  },
  {
    weight: 5,
    arbitrary: fc.record({
      kind: fc.constant('transact' as const),
      records: fc.array(fc.tuple(key, value), { minLength: 1, maxLength: 3 }),
      producer: fc.integer({ min: 10, max: 12 }),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('end' as const),
      producer: fc.integer({ min: 10, max: 12 }),
      outcome: fc.constantFrom('commit', 'abort'),
    }),
  },
  { weight: 3, arbitrary: fc.record({ kind: fc.constantFrom('clean', 'clean', 'stop') }) },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant('pass' as const), ms: fc.constantFrom(1_000, 2 * DELETE_RETENTION_MS) }),
  },
)
const death: fc.Arbitrary<Step> = fc.record({
  kind: fc.constant('die' as const),
  afterSteps: fc.nat(3_000),
  powerCutSeed: fc.option(fc.nat(), { nil: undefined }),
})

async function play(log: Compacted, steps: readonly Step[], { exactly }: { exactly: boolean }): Promise<void> {
  for (const next of steps) {
    switch (next.kind) {
      case 'append':
        await log.append(next.records, next)
        break
      case 'transact':
        await log.append(next.records, { producer: next.producer, inTransaction: true })
        break
      case 'end':
        await log.end(next.producer, next.outcome)
        break
      case 'clean':
        await log.clean()
        await log.check()
        if (exactly) await log.checkShells()
        break
      case 'pass':
        await log.clock.pass(next.ms)
        break
      case 'stop':
        await log.disk.engine.close()
        await log.reopen(log.disk.fs)
        await log.check({ exactly: false })
        break
      case 'die': {
        const { fs } = log.disk
        fs.killAfter(next.afterSteps)
        await log.clean()
        const survivor =
          next.powerCutSeed === undefined ? fs.afterKill() : fs.afterPowerCut(seededRandom(next.powerCutSeed))
        await log.reopen(survivor)
        await log.check({ exactly: false })
        await log.runCleaner()
        await log.check()
        break
      }
      default:
        next satisfies never
    }
  }
  await log.clean()
  await log.check()
}

const seed = Number(process.env.SEED ?? Date.now() % 2 ** 31)
const numRuns = Number(process.env.RUNS ?? 60)

describe('a compacted log', () => {
  it('keeps the last value of every key, at its offset', async () => {
    const log = await Compacted.open(new FaultFileSystem())
    for (let i = 0; i < 60; i++) await log.append([[`k${i % 5}`, `v${i}`]])
    const end = log.disk.log().highWatermark
    await log.clean()
    await log.checkShells()
    assert.equal(log.disk.log().highWatermark, end)
    assert(log.model.records.length < 20)
  })

  it(`is what the rules say, batch for batch, whatever was written (seed ${seed})`, async () => {
    const steps = fc.array(step, { minLength: 5, maxLength: 60 })
    await fc.assert(
      fc.asyncProperty(steps, async played =>
        play(await Compacted.open(new FaultFileSystem()), played, { exactly: true }),
      ),
      { seed, numRuns, ...(process.env.SHRINK === undefined ? { endOnFailure: true } : {}) },
    )
  })

  it(`is so too when the cleaner was killed, or the power cut, at any step (seed ${seed})`, async () => {
    const steps = fc.array(fc.oneof({ weight: 9, arbitrary: step }, { weight: 1, arbitrary: death }), {
      minLength: 5,
      maxLength: 60,
    })
    const config = { flushMessages: 1 }
    await fc.assert(
      fc.asyncProperty(steps, async played =>
        play(await Compacted.open(new FaultFileSystem(), { config }), played, { exactly: false }),
      ),
      { seed, numRuns, ...(process.env.SHRINK === undefined ? { endOnFailure: true } : {}) },
    )
  })
})
