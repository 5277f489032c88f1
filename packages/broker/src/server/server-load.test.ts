import assert from 'node:assert/strict'
import { test } from 'node:test'
import { seededRandom } from '@millrace/base'
import { ServerLoad } from './server-load.ts'

const load = (limits: Partial<ConstructorParameters<typeof ServerLoad>[0]> = {}) =>
  new ServerLoad({ requestsMax: 2, requestBytesMax: -1, unsentBytesMax: 1 << 20, ...limits })

const turn = () => new Promise<void>(resolve => setImmediate(resolve))

test('no more requests than allowed are admitted, and the first who was sent away is the first to be called', async () => {
  const l = load()
  const called: string[] = []
  const first = () => void called.push('first')
  const second = () => void called.push('second')
  assert.ok(l.admit(first))
  l.started(10)
  l.started(10)
  assert.ok(!l.admit(first))
  assert.ok(!l.admit(second))
  assert.ok(!l.admit(first), 'asking twice keeps the place')
  assert.equal(l.waitingCount, 2)
  l.ended(10)
  assert.deepEqual(called, [], 'nobody is served on top of the one who made room')
  await turn()
  assert.deepEqual(called, ['first', 'second'], 'first did not take the room')
})

test('one who is woken and takes the room leaves the others waiting', async () => {
  const l = load({ requestsMax: 1 })
  const called: string[] = []
  l.started(1)
  for (const name of ['a', 'b']) {
    const resume = () => {
      called.push(name)
      if (l.admit(resume)) l.started(1)
    }
    l.admit(resume)
  }
  l.ended(1)
  await turn()
  assert.deepEqual(called, ['a'])
  l.ended(1)
  await turn()
  assert.deepEqual(called, ['a', 'b'])
})

test('one who has gone is not called and does not use up the wake-up', async () => {
  const l = load({ requestsMax: 1 })
  let woken = 0
  const gone = () => assert.fail('it is gone')
  l.started(1)
  l.admit(gone)
  l.admit(() => void woken++)
  l.forget(gone)
  l.ended(1)
  await turn()
  assert.equal(woken, 1)
})

test('bytes under way keep others out as well, and only when a limit is set', async () => {
  const l = load({ requestsMax: 100, requestBytesMax: 1000 })
  let woken = 0
  l.started(999)
  assert.ok(
    l.admit(() => {}),
    'the last one may go over',
  )
  l.hold(500)
  assert.ok(!l.admit(() => void woken++))
  l.release(500)
  await turn()
  assert.equal(woken, 1)
  const unlimited = load({ requestsMax: 100 })
  unlimited.started(Number.MAX_SAFE_INTEGER)
  assert.ok(unlimited.admit(() => {}))
})

test('a parked request keeps nobody out, however many things it waits for', async () => {
  const l = load({ requestsMax: 1, requestBytesMax: 10 })
  const waits = [Promise.withResolvers<string>(), Promise.withResolvers<string>()]
  const request = { requestBytes: 20, parkedCount: 0 }
  l.started(20)
  const parked = Promise.all(waits.map(({ promise }) => l.whileParked(request, promise)))
  assert.equal(l.requestCount, 0)
  assert.ok(l.admit(() => {}))
  waits[0]!.resolve('a')
  await turn()
  assert.equal(l.requestCount, 0, 'it still waits for the other')
  waits[1]!.resolve('b')
  assert.deepEqual(await parked, ['a', 'b'])
  assert.equal(l.requestCount, 1)
  assert.equal(l.requestBytes, 20)
})

test('answers share what is left for slow readers; without room there is little, and then nothing', () => {
  const l = load({ unsentBytesMax: 8 << 20 })
  assert.deepEqual(l.answerBudget(50 << 20), { maxBytes: 1 << 20, atLeastOneBatch: true })
  assert.deepEqual(l.answerBudget(1000), { maxBytes: 1000, atLeastOneBatch: true })
  l.unsent((8 << 20) - 1)
  assert.deepEqual(l.answerBudget(50 << 20), { maxBytes: 64 * 1024, atLeastOneBatch: true })
  l.unsent(1)
  assert.deepEqual(l.answerBudget(50 << 20), { maxBytes: 16 * 1024, atLeastOneBatch: false })
  l.unsent(16 << 20)
  assert.deepEqual(l.answerBudget(50 << 20), { maxBytes: 0, atLeastOneBatch: false })
  assert(
    l.admit(() => {}),
    'others are served',
  )
  l.unsent(-(24 << 20))
  assert.deepEqual(l.answerBudget(50 << 20), { maxBytes: 1 << 20, atLeastOneBatch: true })
})

test('when answers that nobody bounded have used up the margin too, requests wait until some are read', async () => {
  const l = load({ unsentBytesMax: 8 << 20 })
  let woken = 0
  l.unsent(40 << 20)
  assert(!l.admit(() => void woken++))
  l.unsent(-1)
  await turn()
  assert.equal(woken, 1)
})

test('says once that it is pressed, and again when it was not meanwhile', () => {
  const l = load({ unsentBytesMax: 1000 })
  let count = 0
  l.onPressed = () => void count++
  for (const bytes of [750, 1, 100]) l.unsent(bytes)
  assert.equal(count, 1)
  l.unsent(-200)
  assert(!l.isPressed)
  l.unsent(200)
  assert.equal(count, 2)
})

test('whatever comes and goes, everyone is served in the end and the limit holds (simulated)', async () => {
  for (let seed = 1; seed <= 30; seed++) {
    const random = seededRandom(seed)
    const requestsMax = 1 + random.integer(4)
    const l = load({ requestsMax, requestBytesMax: random.integer(2) === 0 ? -1 : 20 })
    const underWay: number[] = []
    let served = 0
    const connection = (frames: number) => {
      let left = frames
      const serve = () => {
        while (left > 0 && l.admit(serve)) {
          left--
          served++
          const bytes = 1 + random.integer(15)
          l.started(bytes)
          underWay.push(bytes)
          assert.ok(l.requestCount <= requestsMax)
        }
      }
      return serve
    }
    let expected = 0
    for (let step = 0; step < 200; step++) {
      if (random.integer(2) === 0) {
        const frames = 1 + random.integer(3)
        expected += frames
        connection(frames)()
      } else if (underWay.length > 0) l.ended(underWay.splice(random.integer(underWay.length), 1)[0]!)
      if (random.integer(5) === 0) await turn()
    }
    await turn()
    while (underWay.length > 0) {
      l.ended(underWay.pop()!)
      await turn()
    }
    assert.equal(served, expected, `seed ${seed}`)
    assert.equal(l.waitingCount, 0, `seed ${seed}`)
    assert.equal(l.requestBytes, 0, `seed ${seed}`)
  }
})
