import assert from 'node:assert/strict'
import { mkdtempSync, readdirSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { type Logger, silentLogger, systemClock } from '@millrace/base'
import { defaultCleanerSettings, openDiskEngine, openMemoryCatalog } from '@millrace/storage'
import { batchOf, createTopic, produceBatch, TestBroker } from '@millrace/testkit'
import { startBroker } from '../broker.ts'
import { brokerConfigOf } from '../config/load-broker-config.ts'
import { parseExposition } from './exposition-fixture.ts'

const VALUE = Buffer.alloc(200_000, 'v')

/** A broker over files whose cleaner is off until asked for, and the promise of a line that it logs. */
async function startOnDisk(dir: string) {
  const state = { isEnabled: false, awaited: new Map<string, () => void>() }
  const told = (message: string): void => state.awaited.get(message)?.()
  const logger: Logger = { ...silentLogger, info: told, error: told }
  const cleaner = () => ({ ...defaultCleanerSettings, backoffMs: 5, isEnabled: state.isEnabled })
  const catalog = openMemoryCatalog()
  const engine = await openDiskEngine({ dirs: [dir], catalog, clock: systemClock, logger, settings: { cleaner } })
  const listeners = { listeners: 'PLAINTEXT://127.0.0.1:0', 'millrace.admin.listener': 'localhost:0' }
  const broker = await startBroker({
    config: brokerConfigOf(listeners),
    engine,
    logger: silentLogger,
    clock: systemClock,
  })
  const line = (message: string) => new Promise<void>(resolve => state.awaited.set(message, resolve))
  return { broker: new TestBroker(broker, catalog, engine.logs), state, line }
}

async function valuesOf({ broker }: TestBroker): Promise<(name: string) => number> {
  const response = await fetch(`http://localhost:${broker.ports.get('ADMIN')}/metrics`)
  const metrics = parseExposition(await response.text())
  return name => metrics.get(name)!.samples[0]!.value
}

test('what the cleaner did, and what it cannot clean, is among the metrics', { timeout: 30_000 }, async () => {
  const dir = mkdtempSync(join(tmpdir(), 'millrace-cleaning-'))
  try {
    const { broker, state, line } = await startOnDisk(dir)
    await using started = broker
    const client = await started.connect()
    const configs = { 'cleanup.policy': 'compact', 'segment.bytes': '1048576', 'min.cleanable.dirty.ratio': '0.1' }
    await createTopic(client, 'table', { configs })
    const write = async (): Promise<void> => {
      for (let i = 0; i < 20; i++)
        await produceBatch(client, 'table', batchOf([{ timestamp: 1, key: Buffer.from(`${i % 4}`), value: VALUE }]))
    }
    await write()
    const idle = await valuesOf(started)
    assert.equal(idle('millrace_cleanings_total'), 0)
    assert.equal(idle('kafka_log_logcleanermanager_uncleanable_partitions_count'), 0)

    const cleaned = line('log cleaned')
    state.isEnabled = true
    await cleaned
    const after = await valuesOf(started)
    assert.equal(after('millrace_cleanings_total'), 1)
    assert.equal(after('millrace_cleaner_read_records_total'), 15)
    assert.equal(after('millrace_cleaner_kept_records_total'), 4)
    const [read, written] = [after('millrace_cleaner_read_bytes_total'), after('millrace_cleaner_written_bytes_total')]
    assert(written > 4 * VALUE.length && written < read)
    assert.equal(after('kafka_log_logcleaner_cleaner_recopy_percent').toFixed(6), ((100 * written) / read).toFixed(6))
    assert(after('kafka_log_logcleaner_max_buffer_utilization_percent') > 0)
    assert(after('kafka_log_logcleaner_max_clean_time_secs') > 0)
    assert.equal(after('kafka_log_logcleaner_max_compaction_delay_secs'), 0)
    assert.equal(after('kafka_log_logcleaner_deadthreadcount'), 0)

    state.isEnabled = false
    await write()
    const folder = join(dir, 'table-0')
    const closed = readdirSync(folder)
      .filter(name => name.endsWith('.log'))
      .sort()
      .at(-2)!
    truncateSync(join(folder, closed), 0)
    writeFileSync(join(folder, closed), Buffer.alloc(900_000, 7))
    const refused = line('log is damaged and is not cleaned any more')
    state.isEnabled = true
    await refused
    const damaged = await valuesOf(started)
    assert.equal(damaged('kafka_log_logcleanermanager_uncleanable_partitions_count'), 1)
    assert(damaged('kafka_log_logcleanermanager_uncleanable_bytes') > 900_000)
    assert(damaged('kafka_log_logcleanermanager_max_dirty_percent') > 10)
  } finally {
    rmSync(dir, { recursive: true })
  }
})
