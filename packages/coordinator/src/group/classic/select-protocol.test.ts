import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { sameProtocols, selectProtocol } from './select-protocol.ts'
import { protocols } from './simulated-clients.ts'
import { type Member, NO_BYTES, sessionTimerOf } from './state.ts'

function members(...lists: readonly string[][]): Map<string, Member> {
  return new Map(
    lists.map((names, i) => [
      `${i}`,
      {
        memberId: `${i}`,
        sessionTimer: sessionTimerOf(`${i}`),
        instanceId: null,
        clientId: '',
        clientHost: '',
        rebalanceTimeoutMs: 1,
        sessionTimeoutMs: 1,
        protocols: protocols(...names),
        assignment: NO_BYTES,
        isNew: false,
      },
    ]),
  )
}

describe('the protocol of a round', () => {
  test('is one that all members know', () => {
    assert.equal(selectProtocol(members(['a', 'b'], ['a', 'b'], ['b', 'c'])), 'b')
  })

  test('is the one with the most votes among those', () => {
    assert.equal(selectProtocol(members(['a', 'b'], ['b', 'a'], ['b', 'a'])), 'b')
    assert.equal(selectProtocol(members(['x', 'a', 'b'], ['b', 'a'], ['a', 'b'])), 'a', 'x is no candidate')
  })

  test('is the first named when votes are equal', () => {
    assert.equal(selectProtocol(members(['b', 'a'], ['a', 'b'])), 'b')
  })

  test('is common, and no other common one has more first choices', () => {
    const lists = fc
      .array(fc.shuffledSubarray(['a', 'b', 'c', 'd']), { minLength: 1, maxLength: 6 })
      .map(all => all.map(names => [...names, 'z']))
    fc.assert(
      fc.property(lists, all => {
        const chosen = selectProtocol(members(...all))
        const common = ['a', 'b', 'c', 'd', 'z'].filter(name => all.every(names => names.includes(name)))
        const votes = (name: string): number =>
          all.filter(names => names.find(other => common.includes(other)) === name).length
        assert.ok(common.includes(chosen))
        for (const name of common) assert.ok(votes(name) <= votes(chosen))
      }),
      { seed: 7 },
    )
  })
})

test('protocols are the same only with the same names and bytes in the same order', () => {
  const one = { name: 'a', metadata: Uint8Array.of(1, 2) }
  assert.ok(sameProtocols([one], [{ name: 'a', metadata: Uint8Array.of(1, 2) }]))
  assert.ok(!sameProtocols([one], [{ name: 'a', metadata: Uint8Array.of(1, 3) }]))
  assert.ok(!sameProtocols([one], [{ name: 'a', metadata: Uint8Array.of(1) }]))
  assert.ok(!sameProtocols([one], [one, one]))
  assert.ok(!sameProtocols([one, { ...one, name: 'b' }], [{ ...one, name: 'b' }, one]))
})
