/**
 * What a cleaning costs: megabytes a second, memory beside what was there before, and how long others wait for their turn while it runs.
 * Run it with `--conditions=source`; arguments: the number of records (1,000,000), of keys (100,000), of bytes in a value (100).
 *
 * Two virtual CPUs with seven times their work from others, Node 26.10, one round of 500,000 records of 100 bytes and 50,000 keys: read as an order of
 * magnitude. `none`: 69 MB or 0.57 million records per second of processor time, 7 MB of memory more; `lz4`, 22 bytes a record on disk: 16 MB or 0.76 million
 * records. A turn of the event loop waited 0.1 ms (99 of 100: 10 ms, the longest 17 ms, on processors that were never free).
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Logger, silentLogger, systemClock } from '@millrace/base'
import { BatchBuilder, type CompressionCodec } from '@millrace/protocol'
import { defaultCleanerSettings, openDiskEngine, type StorageEngine } from '@millrace/storage'
import { sampleConfig, sampleTopicId } from '../../packages/storage/src/conformance.ts'
import { emptyCatalog } from '../../packages/storage/src/sample-catalog.ts'

const RECORDS = Number(process.argv[2] ?? 1_000_000)
const KEYS = Number(process.argv[3] ?? 100_000)
const RECORDS_IN_BATCH = 100
const VALUE_BYTES = Number(process.argv[4] ?? 100)
/** Small, so that little of a compressed log is in the active segment, which is not cleaned. */
const SEGMENT_BYTES = 4 * 1024 * 1024
const LIMIT_MS = 30_000
const CODECS: readonly CompressionCodec[] = (process.argv[5]?.split(',') ?? ['none', 'lz4']) as CompressionCodec[]

for (const codec of CODECS) {
  const dir = mkdtempSync(join(tmpdir(), 'millrace-bench-'))
  try {
    await measure(dir, codec)
  } finally {
    rmSync(dir, { recursive: true })
  }
}

async function measure(dir: string, codec: CompressionCodec): Promise<void> {
  const state = { isEnabled: false, cleanings: [] as Record<string, number>[] }
  const note = (message: string, fields?: Record<string, unknown>): void => {
    if (message === 'log cleaned') state.cleanings.push(fields as Record<string, number>)
  }
  const logger = { ...silentLogger, info: note } as Logger
  const engine = await openDiskEngine({
    dirs: [dir],
    catalog: emptyCatalog,
    clock: systemClock,
    logger,
    settings: {
      cleaner: () => ({ ...defaultCleanerSettings, backoffMs: 50, isEnabled: state.isEnabled }),
      tailBytes: 0,
    },
  })
  await fill(engine, codec)
  const before = process.memoryUsage.rss()
  const waits: number[] = []
  let rssMax = before
  let last = performance.now()
  const beat = setInterval(() => {
    const now = performance.now()
    waits.push(now - last - 1)
    last = now
    rssMax = Math.max(rssMax, process.memoryUsage.rss())
  }, 1)
  const cpuBefore = process.cpuUsage()
  state.isEnabled = true
  const deadline = performance.now() + LIMIT_MS
  while (state.cleanings.length === 0) {
    if (performance.now() > deadline) throw new Error('nothing was cleaned')
    await new Promise(resolve => setTimeout(resolve, 20))
  }
  clearInterval(beat)
  const cpu = process.cpuUsage(cpuBefore)
  const cpuMs = (cpu.user + cpu.system) / 1000
  const { bytesRead, bytesWritten, tookMs, recordsRead, recordsKept } = state.cleanings[0]!
  waits.sort((a, b) => a - b)
  const at = (share: number): string => waits[Math.floor((waits.length - 1) * share)]!.toFixed(1)
  console.log(
    `${codec.padEnd(5)} ${(bytesRead! / 1e6).toFixed(0)} MB to ${(bytesWritten! / 1e6).toFixed(0)} MB, ${recordsRead} records to ${recordsKept}, ` +
      `${(bytesRead! / 1e3 / tookMs!).toFixed(0)} MB/s, ${(bytesRead! / 1e3 / cpuMs).toFixed(0)} MB and ${(recordsRead! / cpuMs / 1000).toFixed(2)} million records per second of processor time, ` +
      `memory +${((rssMax - before) / 1e6).toFixed(0)} MB, a turn waits ${at(0.5)} ms, 99 % ${at(0.99)} ms, longest ${at(1)} ms`,
  )
  await engine.close()
}

async function fill(engine: StorageEngine, codec: CompressionCodec): Promise<void> {
  const layout = {
    topic: 't',
    topicId: sampleTopicId(1),
    partitionCount: 1,
    config: { ...sampleConfig, cleanupPolicy: ['compact'] as const, segmentBytes: SEGMENT_BYTES, fileDeleteDelayMs: 0 },
  }
  await engine.logs.start([layout])
  const partition = engine.logs.partition(layout.topicId, 0)!
  const value = Buffer.alloc(VALUE_BYTES, 'value of a record, ')
  let key = 1
  for (let written = 0; written < RECORDS; written += RECORDS_IN_BATCH) {
    const builder = new BatchBuilder(RECORDS_IN_BATCH * (VALUE_BYTES + 40))
    for (let i = 0; i < RECORDS_IN_BATCH; i++) {
      key = (key * 48_271) % 0x7fff_ffff
      value.writeInt32BE(key, 0)
      builder.append({ timestamp: 1_764_000_000_000 + written + i, key: Buffer.from(`user-${key % KEYS}`), value })
    }
    await engine.logs.append([{ partition, records: builder.build({ codec }) }])
    if (written % 10_000 === 0) await new Promise(resolve => setImmediate(resolve))
  }
}
