import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { formatLeaderEpochs, parseLeaderEpochs } from './checkpoint-file.ts'
import { LeaderEpochs } from './leader-epochs.ts'

const starts = [
  { epoch: 1, startOffset: 10 },
  { epoch: 3, startOffset: 20 },
  { epoch: 4, startOffset: 35 },
]
const end = (epoch: number) => {
  const { leaderEpoch, endOffset } = new LeaderEpochs(starts).endOf(epoch, 50)
  return [leaderEpoch, endOffset]
}

describe('leader epochs', () => {
  it('end where the next one begins, the last one at the log end', () => {
    assert.deepEqual(
      [end(1), end(3), end(4)],
      [
        [1, 20],
        [3, 35],
        [4, 50],
      ],
    )
  })

  it('answer for an unknown epoch with the nearest lower one', () => {
    assert.deepEqual(end(2), [1, 20])
  })

  it('answer below all known with the epoch asked for, and above all with none', () => {
    assert.deepEqual(end(0), [0, 10])
    assert.deepEqual(
      [end(5), end(-1)],
      [
        [-1, -1],
        [-1, -1],
      ],
    )
  })

  it('rise, and replace what began where nothing was written', () => {
    const epochs = new LeaderEpochs(starts)
    assert.equal(epochs.began(4, 60), false)
    assert.equal(epochs.began(6, 35), true)
    assert.deepEqual(epochs.starts.at(-1), { epoch: 6, startOffset: 35 })
    assert.equal(epochs.starts.length, 3)
  })

  it('are cut with the log, at both ends', () => {
    const epochs = new LeaderEpochs(starts)
    assert.equal(epochs.cutBefore(25), true)
    assert.deepEqual(epochs.starts[0], { epoch: 3, startOffset: 25 })
    assert.equal(epochs.cutFrom(35), true)
    assert.deepEqual(epochs.starts, [{ epoch: 3, startOffset: 25 }])
  })

  it('are written and read as Kafka does', () => {
    const bytes = formatLeaderEpochs(starts)
    assert.equal(bytes.toString(), '0\n3\n1 10\n3 20\n4 35\n')
    assert.deepEqual(parseLeaderEpochs(bytes), starts)
  })

  for (const text of [
    '',
    '1\n0\n',
    '0\n2\n1 1\n',
    '0\n1\n1\n',
    '0\n2\n3 1\n2 5\n',
    '0\n-1\n',
    '0\n99999999999\n',
    '0\n1\nx 1\n',
  ])
    it(`are not read from ${JSON.stringify(text)}`, () => {
      assert.equal(parseLeaderEpochs(Buffer.from(text)), undefined)
    })
})
