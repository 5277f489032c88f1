/** Runs every example of the client's docstrings and of its guide as a program of its own. */
import assert from 'node:assert/strict'
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { pathToFileURL } from 'node:url'
import { type ClusterUnderTest, clusterUnderTest } from './cluster-under-test.ts'

const root = join(import.meta.dirname, '..', '..')
const sources = join(root, 'packages', 'client', 'src')

let cluster: ClusterUnderTest
let folder: string
/** Names that examples use are made unique, so that the test can be run again on the same cluster. */
let suffix: string
before(async () => {
  cluster = await clusterUnderTest()
  // Within the project, so that the examples find the packages.
  folder = await mkdtemp(join(root, 'test', 'client', 'examples-'))
  suffix = cluster.name('x')
  for (const name of ['orders', 'letters', 'numbers', 'typed-orders', 'orders-eu'])
    await cluster.admin.topics.create([{ name: `${name}-${suffix}` }])
  const producer = cluster.producer()
  await producer.send({ topic: `orders-${suffix}`, key: 'o-0', value: 'one fig' })
  const consumer = cluster.consumer({ groupId: `kitchen-${suffix}` })
  consumer.subscribe([`orders-${suffix}`])
  for await (const _ of consumer) break
  await consumer.close()
})
after(async () => {
  await rm(folder, { recursive: true, force: true })
  await cluster[Symbol.asyncDispose]()
})

const prelude = `import { Admin, Consumer, KafkaError, Producer, runExactlyOnce, serdes } from '@millrace/client'
const bootstrap = process.env.EXAMPLE_BOOTSTRAP!
const console = { log() {} }
`

/** What examples take for granted, when they do not make it themselves. */
const assumed: readonly [RegExp, RegExp, string][] = [
  [/\badmin\./, /\badmin = /, 'await using admin = new Admin({ bootstrap })\n'],
  [/\bproducer\./, /\bproducer = /, 'await using producer = new Producer({ bootstrap })\n'],
]

interface Example {
  readonly where: string
  readonly code: string
}

function examplesIn(text: string, where: string): Example[] {
  const found: Example[] = []
  for (const match of text.matchAll(/^([ \t]*\*? ?)```ts\n([\s\S]*?)^[ \t]*\*? ?```/gm)) {
    const lines = match[2]!.split('\n').map(line => line.replace(/^[ \t]*\* ?/, ''))
    found.push({ where: `${where}, example ${found.length + 1}`, code: lines.join('\n') })
  }
  return found
}

async function allExamples(): Promise<Example[]> {
  const files = (await readdir(sources, { recursive: true })).filter(
    file => file.endsWith('.ts') && !file.endsWith('.test.ts'),
  )
  const guide = examplesIn(await readFile(join(root, 'docs', 'guide', 'client.md'), 'utf8'), 'guide')
  const docs = await Promise.all(files.map(async file => examplesIn(await readFile(join(sources, file), 'utf8'), file)))
  return [...guide, ...docs.flat()]
}

const withUniqueNames = (code: string): string =>
  code.replace(
    /(['"`:])(orders-eu|orders|letters|numbers|typed-orders|invoices|visits|scratch|shipments|kitchen|audit|ledger|replay|old-group)(-\d+)?(?=['"`])/g,
    `$1$2-${suffix}$3`,
  )

test('every example in the docs runs', async t => {
  process.env.EXAMPLE_BOOTSTRAP = cluster.bootstrap
  const examples = await allExamples()
  assert.ok(examples.length > 30, `only ${examples.length} examples were found`)
  for (const [index, { where, code }] of examples.entries())
    await t.test(where, async () => {
      const needed = assumed.filter(([uses, makes]) => uses.test(code) && !makes.test(code)).map(([, , line]) => line)
      const file = join(folder, `example-${index}.ts`)
      await writeFile(file, `${prelude}${needed.join('')}${withUniqueNames(code)}`)
      await import(pathToFileURL(file).href)
    })
})
