/**
 * How fast a start goes through logs that a killed process left: every batch's checksum, indexes, producers. Run: node --conditions=source bench/micro/recovery.ts
 * [megabytes] [rounds]. A child process appends and is killed; this one starts on what it left, in the page cache.
 *
 * Two shared virtual CPUs with others' work on them, ext4, Node 26.10, 768 and 1,024 MB, two rounds each: MB a second, and a second of processor time where it was taken:
 *
 *   1 partition,  batches of 16 kB   240 – 520 MB/s    650 – 770
 *   8 partitions, batches of 16 kB   450 – 1,070       880 – 1,020
 *   8 partitions, batches of  1 kB   180 – 560         390 – 490
 *   memory +1 to +57 MiB, whatever the length of the log
 */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { silentLogger, systemClock } from '@millrace/base'
import { openDiskEngine, type TopicLayout } from '@millrace/storage'
import { sampleConfig, sampleTopicId } from '../../packages/storage/src/conformance.ts'
import { sampleBatch } from '../../packages/storage/src/sample-batch.ts'
import { emptyCatalog } from '../../packages/storage/src/sample-catalog.ts'

const MIB = 1024 * 1024
const [megabytes = 1024, rounds = 3] = process.argv.slice(2).map(Number)

interface Shape {
  readonly partitionCount: number
  readonly batchBytes: number
}

const shapes: readonly Shape[] = [
  { partitionCount: 1, batchBytes: 16 * 1024 },
  { partitionCount: 8, batchBytes: 16 * 1024 },
  { partitionCount: 8, batchBytes: 1024 },
]

const layoutOf = ({ partitionCount }: Shape): TopicLayout => ({
  topic: 't',
  topicId: sampleTopicId(1),
  partitionCount,
  config: { ...sampleConfig, segmentBytes: 1024 * MIB, indexIntervalBytes: 4096 },
})

const open = (dir: string) =>
  openDiskEngine({ dirs: [dir], catalog: emptyCatalog, clock: systemClock, logger: silentLogger })

async function fill(dir: string, shape: Shape): Promise<never> {
  const engine = await open(dir)
  const layout = layoutOf(shape)
  await engine.logs.start([layout])
  const batch = sampleBatch({ values: Array.from({ length: 8 }, () => Buffer.alloc(shape.batchBytes / 8 - 20, 'x')) })
  const count = Math.floor((megabytes * MIB) / batch.length)
  for (let i = 0; i < count; i++) {
    const partition = engine.logs.partition(layout.topicId, i % shape.partitionCount)!
    await engine.logs.append([{ partition, records: Buffer.from(batch) }])
  }
  process.kill(process.pid, 'SIGKILL')
  return new Promise(() => {})
}

function logBytes(dir: string): number {
  const files = readdirSync(dir, { recursive: true, encoding: 'utf8' }).filter(name => name.endsWith('.log'))
  return files.reduce((sum, name) => sum + statSync(join(dir, name)).size, 0)
}

async function recover(shape: Shape): Promise<string> {
  const dir = mkdtempSync(join(tmpdir(), 'millrace-bench-'))
  try {
    const child = [...process.execArgv, import.meta.filename, String(megabytes), String(rounds), 'fill', dir]
    spawnSync(process.execPath, [...child, JSON.stringify(shape)], { stdio: 'inherit' })
    const bytes = logBytes(dir)
    globalThis.gc?.()
    const before = process.memoryUsage().rss
    let most = before
    const watch = setInterval(() => (most = Math.max(most, process.memoryUsage().rss)), 5)
    const engine = await open(dir)
    const cpu = process.cpuUsage()
    const start = performance.now()
    let firstMs = 0
    const report = await engine.logs.start([layoutOf(shape)], () => (firstMs ||= performance.now() - start))
    const ms = performance.now() - start
    const { user, system } = process.cpuUsage(cpu)
    clearInterval(watch)
    most = Math.max(most, process.memoryUsage().rss)
    await engine.close()
    const rate = (bytes / 1e6 / (ms / 1000)).toFixed(0)
    const cpuRate = (bytes / (user + system)).toFixed(0)
    const grown = ((most - before) / MIB).toFixed(0)
    return `${rate} MB/s, ${cpuRate} MB a second of processor time (${(bytes / 1e6).toFixed(0)} MB, ${report.recoveredSegments} segments in ${ms.toFixed(0)} ms, first partition after ${firstMs.toFixed(0)} ms, memory +${grown} MiB)`
  } finally {
    rmSync(dir, { recursive: true, force: true })
  }
}

const task = process.argv.slice(4)
if (task[0] === 'fill') await fill(task[1]!, JSON.parse(task[2]!) as Shape)
for (const shape of shapes)
  for (let round = 0; round < rounds; round++)
    console.log(`${shape.partitionCount} partitions, batches of ${shape.batchBytes >> 10} kB: ${await recover(shape)}`)
