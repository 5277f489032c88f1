/**
 * What the catalog costs. Run: node --conditions=source bench/micro/catalog.ts
 *
 * Two shared cores of an AMD EPYC, ext4 on a virtual disk, Node 26.10, three runs of 50 rounds, range of the three medians:
 *
 *   SQLite: 1,000 offsets in one write                          1.5 ms
 *   SQLite: 1,000 writes of one offset in one turn              2.6 – 3.7 ms
 *   SQLite: one offset                                          0.02 – 0.03 ms
 *   SQLite, durable: 1,000 offsets in one write                 1.9 – 3.2 ms
 *   SQLite, durable: one offset                                 0.2 – 1.3 ms (the disk's sync)
 *   SQLite with 100,000 offsets: 1,000 offsets in one write     1.6 – 1.7 ms
 *   memory: 1,000 offsets in one write                          0.2 – 0.3 ms
 *   open with 100,000 offsets (3.9 MiB) 14 ms, load them 101 – 106 ms (two runs)
 */
import { mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { silentLogger } from '@millrace/base'
import { type CatalogChange, type OwnedCatalog, openMemoryCatalog, openSqliteCatalog } from '@millrace/storage'

const ROUNDS = 50

function offsets(groupId: string, count: number, offset: number): readonly CatalogChange[] {
  return Array.from({ length: count }, (_, i) => ({
    kind: 'putOffset',
    groupId,
    offset: {
      topic: `topic-${i % 10}`,
      partition: Math.floor(i / 10),
      offset,
      leaderEpoch: -1,
      metadata: '',
      commitTimestampMs: 1_700_000_000_000,
      expireTimestampMs: -1,
    },
  }))
}

async function measure(name: string, work: (round: number) => Promise<unknown>): Promise<void> {
  for (let round = 0; round < 5; round++) await work(round)
  const times: number[] = []
  for (let round = 0; round < ROUNDS; round++) {
    const start = performance.now()
    await work(round + 5)
    times.push(performance.now() - start)
  }
  times.sort((a, b) => a - b)
  const at = (share: number): string => `${times[Math.floor((times.length - 1) * share)]!.toFixed(2)} ms`
  console.log(
    `${name.padEnd(58)} median ${at(0.5).padStart(9)}   p90 ${at(0.9).padStart(9)}   max ${at(1).padStart(9)}`,
  )
}

async function measureCatalog(name: string, catalog: OwnedCatalog): Promise<void> {
  await measure(`${name}: 1,000 offsets in one write`, round => catalog.write(offsets('one', 1000, round)))
  await measure(`${name}: 1,000 writes of one offset in one turn`, round =>
    Promise.all(offsets('many', 1000, round).map(change => catalog.write([change]))),
  )
  await measure(`${name}: one offset`, round => catalog.write(offsets('single', 1, round)))
}

const folder = mkdtempSync(join(tmpdir(), 'millrace-bench-'))
try {
  await measureCatalog('memory', openMemoryCatalog())
  for (const durable of [false, true]) {
    const path = join(folder, `${durable}.db`)
    const catalog = openSqliteCatalog({ path, nodeId: 1, durable, logger: silentLogger })
    await measureCatalog(durable ? 'SQLite, durable' : 'SQLite', catalog)
    catalog.close()
  }
  const path = join(folder, 'large.db')
  const large = openSqliteCatalog({ path, nodeId: 1, logger: silentLogger })
  for (let group = 0; group < 100; group++) await large.write(offsets(`group-${group}`, 1000, 1))
  const before = process.memoryUsage().rss
  await measure('SQLite with 100,000 offsets: 1,000 offsets in one write', round =>
    large.write(offsets(`group-${round}`, 1000, 2)),
  )
  large.close()
  const start = performance.now()
  const again = openSqliteCatalog({ path, nodeId: 1, logger: silentLogger })
  const opened = performance.now()
  await again.loadGroups()
  const done = performance.now()
  again.close()
  const megabytes = (bytes: number): string => `${(bytes / 1024 / 1024).toFixed(1)} MiB`
  console.log(
    `open ${(opened - start).toFixed(1)} ms, load 100,000 offsets ${(done - opened).toFixed(1)} ms, file ${megabytes(statSync(path).size)}, ` +
      `resident ${megabytes(process.memoryUsage().rss)} (before ${megabytes(before)})`,
  )
} finally {
  rmSync(folder, { recursive: true, force: true })
}
