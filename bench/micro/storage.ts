/**
 * What a log's reads, writes and syncs cost, to choose between synchronous calls and the thread pool, and what an append and a read of the engine cost
 * on top. Run it with `--conditions=source`; each line is the median of five rounds, with the smallest and the largest.
 *
 * Two shared virtual CPUs, ext4, Node 26.10, warm page cache (median, smallest … largest):
 *
 *     read  1 kB     2 µs (1.5 … 2.5) synchronous     23 µs (18 … 25) thread pool
 *     read 64 kB     8 µs (8 … 14)                    23 µs (23 … 24)
 *     read  1 MB    95 µs (94 … 99)                  121 µs (118 … 135)
 *     write 1 kB     2 µs     64 kB 10 µs     1 MB 164 µs synchronous; 1 kB and fdatasync 172 µs
 *     append 170 bytes 7 µs, 16 kB 38 µs; read from memory 1 µs, one small batch from the file 24 µs, 1 MB of small ones 0.7 ms
 *
 * So what the page cache surely has (writes, index entries, headers) is synchronous, and reads above 64 kB are not: there the thread pool costs little more,
 * and a disk that has to be asked holds up nobody else.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { silentLogger, systemClock } from '@millrace/base'
import { openDiskEngine } from '@millrace/storage'
import { sampleConfig, sampleTopicId } from '../../packages/storage/src/conformance.ts'
import { nodeFileSystem } from '../../packages/storage/src/disk/node-file-system.ts'
import { sampleBatch } from '../../packages/storage/src/sample-batch.ts'
import { emptyCatalog } from '../../packages/storage/src/sample-catalog.ts'

const ROUNDS = 5
const root = mkdtempSync(join(tmpdir(), 'millrace-bench-'))

async function measure(name: string, count: number, run: (i: number) => unknown): Promise<void> {
  const rounds: number[] = []
  for (let round = 0; round < ROUNDS; round++) {
    const begin = performance.now()
    for (let i = 0; i < count; i++) {
      const result = run(i)
      if (result instanceof Promise) await result
    }
    rounds.push(((performance.now() - begin) * 1000) / count)
  }
  rounds.sort((a, b) => a - b)
  const [low, , median, , high] = rounds.map(us => us.toFixed(1).padStart(8))
  console.log(`${name.padEnd(44)} ${median} µs   (${low} … ${high})`)
}

const file = nodeFileSystem.open(join(root, 'file'), 'create')
for (const size of [1024, 16 * 1024, 64 * 1024, 256 * 1024, 1024 * 1024]) {
  const bytes = Buffer.alloc(size, 1)
  const count = Math.max(30, Math.min(2000, Math.floor((64 * 1024 * 1024) / size)))
  const places = Math.floor((64 * 1024 * 1024) / size)
  await measure(`write ${size >> 10} kB, synchronous`, count, i => file.write(bytes, (i % places) * size))
  await measure(`read ${size >> 10} kB, synchronous`, count, i => file.read(bytes, (i % places) * size))
  await measure(`read ${size >> 10} kB, thread pool`, count, i => file.readLater(bytes, (i % places) * size))
}
await measure('write 1 kB and sync', 50, i => {
  file.write(Buffer.alloc(1024), i * 1024)
  return file.sync()
})
file.close()

const layout = { topic: 't', topicId: sampleTopicId(1), partitionCount: 1, config: sampleConfig }
const engine = await openDiskEngine({
  dirs: [join(root, 'data')],
  catalog: emptyCatalog,
  clock: systemClock,
  logger: silentLogger,
})
await engine.logs.start([layout])
const log = engine.logs.partition(layout.topicId, 0)!
for (const size of [100, 16 * 1024]) {
  const batch = sampleBatch({ values: [Buffer.alloc(size)] })
  await measure(`append one batch of ${batch.length} bytes`, 2000, () =>
    engine.logs.append([{ partition: log, records: Buffer.from(batch) }]),
  )
}
const read = (offset: number, maxBytes: number) =>
  engine.logs.read([{ partition: log, offset, maxBytes, isolation: 'read_uncommitted' }], {
    maxBytes,
    atLeastOneBatch: true,
  })
await measure('read the last batch, from memory', 2000, () => read(log.highWatermark - 1, 1_000_000))
await measure('read 1 small batch anywhere, from the file', 2000, i => read((i * 37) % 9000, 1))
await measure('read 1 MB anywhere, from the file', 100, i => read((i * 37) % 9000, 1_000_000))
await engine.close()
rmSync(root, { recursive: true })
