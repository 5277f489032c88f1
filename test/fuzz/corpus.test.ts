import assert from 'node:assert/strict'
import { test } from 'node:test'
import { seededRandom } from '@millrace/base'
import { Reader } from '@millrace/protocol'
import { BrokerTarget } from './broker-target.ts'
import { readCorpus } from './corpus.ts'
import { decodeAll } from './decoders.ts'
import { brokenBatch, loadVectors } from './inputs.ts'
import { mutate, pick } from './mutate.ts'

const SEED = 20261124
const vectors = loadVectors()

test('what once broke a decoder or the broker does so no more', async () => {
  const corpus = readCorpus()
  const target = await BrokerTarget.start(vectors)
  try {
    for (const { name, input } of corpus)
      if (input.target === 'broker') assert.equal(await target.replay(input.bytes), undefined, name)
      else decodeAll(input)
  } finally {
    await target.stop()
  }
})

test(`decoders survive mutated messages and batches (seed ${SEED})`, () => {
  const random = seededRandom(SEED)
  for (let i = 0; i < 1500; i++) {
    const { message, version, bytes } = pick(random, vectors)
    decodeAll({ target: 'message', message, version, bytes: mutate(bytes, random, pick(random, vectors).bytes) })
    if (i % 5 === 0) decodeAll({ target: 'records', bytes: brokenBatch(random) })
  }
})

/** For the time of a test: whoever reads more than two tagged fields at a place meets a bug. */
function plantBug(): Disposable {
  const { tagCount } = Reader.prototype
  Reader.prototype.tagCount = function planted(this: Reader): number {
    const count = tagCount.call(this)
    if (count > 2) throw new RangeError('planted')
    return count
  }
  return { [Symbol.dispose]: () => void (Reader.prototype.tagCount = tagCount) }
}

test('a planted bug is found by the decoders', () => {
  using _ = plantBug()
  const random = seededRandom(SEED)
  assert.throws(() => {
    for (let i = 0; i < 20_000; i++) {
      const { message, version, bytes } = pick(random, vectors)
      decodeAll({ target: 'message', message, version, bytes: mutate(bytes, random, pick(random, vectors).bytes) })
    }
  }, /planted/)
})

test('a planted bug is found through the live broker, by the one frame that meets it', {
  timeout: 60_000,
}, async () => {
  using _ = plantBug()
  const target = await BrokerTarget.start(vectors)
  try {
    await target.run({ seed: SEED, workers: 1, untilMs: performance.now() + 30_000, findingsMax: 1 })
    assert.equal(target.findings.length, 1)
    assert.match(target.findings[0]!.symptom, /planted/)
    assert.equal(target.findings[0]!.frames.length, 1)
  } finally {
    await target.stop()
  }
})

test('the same seed makes the same inputs', () => {
  const inputs = (): string[] => {
    const random = seededRandom(SEED)
    return Array.from({ length: 200 }, () => {
      const { bytes } = pick(random, vectors)
      return mutate(bytes, random, pick(random, vectors).bytes).toString('hex')
    })
  }
  assert.deepEqual(inputs(), inputs())
})
