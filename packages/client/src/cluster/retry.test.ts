import assert from 'node:assert/strict'
import { test } from 'node:test'
import { seededRandom } from '@millrace/base'
import { KafkaError } from '../errors.ts'
import { backoffMs, retrying } from './retry.ts'

const backoff = { retryBackoffMs: 1, retryBackoffMaxMs: 2 }
const passing = new KafkaError('NOT_LEADER_OR_FOLLOWER', 'moved')

test('pauses double up to their maximum, a fifth more or less', () => {
  const random = seededRandom(3)
  for (let attempt = 0; attempt < 40; attempt++) {
    const plain = Math.min(100 * 2 ** attempt, 1000)
    const pause = backoffMs({ retryBackoffMs: 100, retryBackoffMaxMs: 1000 }, attempt, random)
    assert.ok(pause >= plain * 0.8 && pause <= plain * 1.2, `${pause} for ${plain}`)
  }
})

test('what can be retried is retried until it works', async () => {
  let left = 3
  const result = await retrying({ ...backoff, timeoutMs: 10_000 }, async () => {
    if (left-- > 0) throw passing
    return 'done'
  })
  assert.equal(result, 'done')
})

test('what cannot be retried is thrown at once, and so is a bug', async () => {
  for (const error of [new KafkaError('INVALID_CONFIG', 'no'), new TypeError('bug')]) {
    let attempts = 0
    const attempt = async (): Promise<never> => {
      attempts++
      throw error
    }
    await assert.rejects(retrying({ ...backoff, timeoutMs: 10_000 }, attempt), error)
    assert.equal(attempts, 1)
  }
})

test('when the time is over the last error is thrown', async () => {
  await assert.rejects(
    retrying({ ...backoff, timeoutMs: 0 }, () => Promise.reject(passing)),
    passing,
  )
})

test('a signal ends the pauses', async () => {
  const stop = new AbortController()
  const waiting = retrying(
    { retryBackoffMs: 60_000, retryBackoffMaxMs: 60_000, timeoutMs: 1e9, signal: stop.signal },
    () => Promise.reject(passing),
  )
  setImmediate(() => stop.abort(new Error('enough')))
  await assert.rejects(waiting, /enough/)
})
