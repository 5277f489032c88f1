import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { MessageChannel } from 'node:worker_threads'
import type { CatalogChange } from './catalog.ts'
import { catalogConformance } from './catalog-conformance.ts'
import { orders, payments, putOffset } from './catalog-samples.ts'
import { CatalogServer } from './catalog-server.ts'
import { openMemoryCatalog } from './memory-catalog.ts'
import { RemoteCatalog } from './remote-catalog.ts'

interface Nodes {
  readonly nodes: readonly RemoteCatalog[]
  readonly detach: (index: number) => void
}

function open(t: TestContext, count: number): Nodes {
  const catalog = openMemoryCatalog()
  const server = new CatalogServer(catalog)
  const attached = Array.from({ length: count }, () => {
    const { port1, port2 } = new MessageChannel()
    const { detach } = server.attach(port1)
    t.after(detach)
    return { node: new RemoteCatalog(port2, catalog.clusterId), detach }
  })
  return { nodes: attached.map(({ node }) => node), detach: index => attached[index]!.detach() }
}

const topicsOf = (changes: readonly CatalogChange[]): string[] =>
  changes.flatMap(change => (change.kind === 'createTopic' ? [change.topic.name] : []))

catalogConformance('remote', { open: t => open(t, 1).nodes[0]! })

test('every node hears of a topic before its maker is answered, and takes as long as it needs', async t => {
  const { nodes } = open(t, 3)
  const heard: string[] = []
  const slow = Promise.withResolvers<void>()
  for (const [i, node] of nodes.entries())
    node.subscribe(async changes => {
      if (i === 2) await slow.promise
      heard.push(`${i} ${topicsOf(changes)}`)
    })
  const written = nodes[0]!.write([{ kind: 'createTopic', topic: orders }]).then(() => heard.push('answered'))
  // Another's answer comes after the first node has heard of its own write.
  await nodes[1]!.load()
  slow.resolve()
  await written
  assert.deepEqual(heard.slice(0, 3).sort(), ['0 orders', '1 orders', '2 orders'])
  assert.equal(heard[3], 'answered')
})

test('what is a group’s or a transactional id’s goes to its node alone', async t => {
  const { nodes } = open(t, 2)
  const heard: CatalogChange['kind'][][] = [[], []]
  for (const [i, node] of nodes.entries()) node.subscribe(changes => heard[i]!.push(...changes.map(c => c.kind)))
  await nodes[0]!.write([putOffset('g', 0, 1), { kind: 'createTopic', topic: orders }])
  await nodes[0]!.write([putOffset('g', 0, 2)])
  assert.deepEqual(heard[0], ['putOffset', 'createTopic', 'putOffset'])
  assert.deepEqual(heard[1], ['createTopic'])
  assert.equal((await nodes[1]!.loadGroups()).length, 1)
})

test('all nodes hear of all topics in one order', async t => {
  const { nodes } = open(t, 2)
  const heard: string[][] = [[], []]
  for (const [i, node] of nodes.entries()) node.subscribe(changes => heard[i]!.push(...topicsOf(changes)))
  const names = Array.from({ length: 40 }, (_, i) => `t${i}`)
  await Promise.all(
    names.map((name, i) =>
      nodes[i % 2]!.write([
        { kind: 'createTopic', topic: { ...orders, name, id: orders.id.slice(0, -2) + String(10 + i) } },
      ]),
    ),
  )
  assert.equal(heard[0]!.length, 40)
  assert.deepEqual(heard[0], heard[1])
})

test('a node that is gone is not waited for', async t => {
  const { nodes, detach } = open(t, 2)
  nodes[1]!.subscribe(() => new Promise(() => {}))
  const written = nodes[0]!.write([{ kind: 'createTopic', topic: orders }])
  await nodes[0]!.load()
  detach(1)
  await written
  await nodes[0]!.write([{ kind: 'createTopic', topic: payments }])
})
