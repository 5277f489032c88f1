/** What a large group does a member must not depend on how many there are. Counted, not timed: entries of maps and sets that are written or looked through. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DEFAULT_GROUP_CONFIG } from '../config.ts'
import type { GroupEvent, Join } from './event.ts'
import { absentGroup, type GroupState, type MemberId, membersOf } from './state.ts'
import { step } from './step.ts'

const CONFIG = { ...DEFAULT_GROUP_CONFIG, initialRebalanceDelayMs: 0 }
const BYTES = new Uint8Array(20)

class Group {
  state: GroupState = absentGroup('large')
  #request = 0

  put(event: GroupEvent): void {
    this.state = step(this.state, event, CONFIG).state
  }

  get request(): { readonly now: number; readonly request: number } {
    return { now: 1_000, request: ++this.#request }
  }

  join(memberId: MemberId, metadata: Uint8Array, newcomer = ''): void {
    const event: Join = {
      kind: 'join',
      ...this.request,
      memberId,
      instanceId: null,
      clientId: 'c',
      clientHost: '/',
      uuid: newcomer,
      sessionTimeoutMs: 45_000,
      rebalanceTimeoutMs: 60_000,
      protocolType: 'consumer',
      protocols: [{ name: 'range', metadata }],
      memberIdRequired: true,
      supportsSkippingAssignment: true,
    }
    this.put(event)
  }

  /** Everyone asks for an id, and then comes with it. */
  form(count: number): void {
    for (let i = 0; i < count; i++) this.join('', BYTES, `${i}`)
    for (let i = 0; i < count; i++) this.join(`c-${i}`, BYTES)
    // The first round goes on for as long as members come.
    for (let i = 0; i < 2; i++) this.put({ kind: 'expire', now: 1_000, timer: 'join' })
  }

  rejoin(ids: readonly MemberId[]): void {
    const metadata = new Uint8Array(21)
    for (const id of ids) this.join(id, metadata)
  }

  sync(ids: readonly MemberId[]): void {
    const { state } = this
    assert.equal(state.kind, 'CompletingRebalance')
    const { generation, leader } = state as Extract<GroupState, { kind: 'CompletingRebalance' }>
    const middle = Math.floor(ids.length / 2)
    const others = ids.filter(id => id !== leader)
    for (const memberId of [...others.slice(0, middle), leader, ...others.slice(middle)]) {
      const assignments = new Map(memberId === leader ? ids.map(id => [id, BYTES]) : [])
      const fixed = { instanceId: null, protocolType: null, protocolName: null }
      this.put({ kind: 'sync', ...this.request, ...fixed, memberId, generation, assignments })
    }
  }

  leave(ids: readonly MemberId[]): void {
    for (const memberId of ids) this.put({ kind: 'leave', ...this.request, members: [{ memberId, instanceId: null }] })
  }
}

/** Entries that are set, added and iterated while `work` runs. */
function entriesTouched(work: () => void): number {
  let count = 0
  const iterators = [new Map().entries(), new Set().values()].map(
    it => Object.getPrototypeOf(it) as { next: () => unknown },
  )
  const targets: readonly (readonly [object, string])[] = [
    [Map.prototype, 'set'],
    [Set.prototype, 'add'],
    ...iterators.map(it => [it, 'next'] as const),
  ]
  const restores = targets.map(([target, name]) => {
    const real = Reflect.get(target, name) as (...args: unknown[]) => unknown
    const counting = function (this: unknown, ...args: unknown[]): unknown {
      count++
      return Reflect.apply(real, this, args)
    }
    Object.defineProperty(target, name, { value: counting, configurable: true, writable: true })
    return () => Object.defineProperty(target, name, { value: real, configurable: true, writable: true })
  })
  try {
    work()
  } finally {
    for (const restore of restores) restore()
  }
  return count
}

function workOf(count: number): Record<string, number> {
  const group = new Group()
  const work: Record<string, number> = {}
  work.form = entriesTouched(() => group.form(count))
  const ids = [...membersOf(group.state).keys()]
  assert.equal(ids.length, count)
  work.firstSync = entriesTouched(() => group.sync(ids))
  assert.equal(group.state.kind, 'Stable')
  work.rejoin = entriesTouched(() => group.rejoin(ids))
  work.sync = entriesTouched(() => group.sync(ids))
  assert.equal(group.state.kind, 'Stable')
  work.leave = entriesTouched(() => group.leave(ids.slice(0, -1).reverse()))
  return work
}

test('forming, rebalancing and dissolving a group takes work by the member, and not by the member and member', () => {
  const small = workOf(200)
  const large = workOf(2_000)
  for (const [name, work] of Object.entries(large)) {
    const [more, before] = [work / 2_000, small[name]! / 200]
    assert.ok(more < 2 * before + 5, `${name}: ${more} entries a member in a group of 2,000, ${before} in one of 200`)
  }
})
