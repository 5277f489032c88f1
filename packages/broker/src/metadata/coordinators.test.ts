import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Coordinators, coordinatorPartition } from './coordinators.ts'

test('a group is hashed as Java does it', () => {
  // Utils.abs(id.hashCode()) % 50
  assert.equal(coordinatorPartition(''), 0)
  assert.equal(coordinatorPartition('a'), 97 % 50)
  assert.equal(coordinatorPartition('hello'), 99_162_322 % 50)
  // Its hash code is the least int.
  assert.equal(coordinatorPartition('polygenelubricants'), 0)
})

test('all nodes agree who coordinates, and each coordinates some', () => {
  const nodes = [4, 5, 6].map(id => new Coordinators([4, 5, 6], id))
  const owners = new Set<number>()
  for (let i = 0; i < 100; i++) {
    const [owner, ...others] = new Set(nodes.map(node => node.nodeOf(`group-${i}`)))
    assert.equal(others.length, 0)
    assert.deepEqual(
      nodes.map(node => node.isOwn(`group-${i}`)),
      [4, 5, 6].map(id => id === owner),
    )
    owners.add(owner!)
  }
  assert.deepEqual([...owners].sort(), [4, 5, 6])
  assert.equal(new Coordinators([7], 7).nodeOf('any'), 7)
})
