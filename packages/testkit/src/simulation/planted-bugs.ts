/** The checker is checked: brokers with one bug each, made by spoiling what lies under an honest one. The simulation must find every one. */
import type { Random } from '@millrace/base'
import type { AppendEntry, AppendOutcome, CatalogChange, FileSystem, OpenFile, ReadOutcome } from '@millrace/storage'
import type { FaultFileSystem } from '../fault-file-system.ts'
import type { PlantedBug } from './planted-bug.ts'
import { plantedTransactionBugs } from './planted-transaction-bugs.ts'
import { changed, inside, journalBug, logsBug, rarely, under } from './planting.ts'

function fileBug(
  name: string,
  found: PlantedBug['found'],
  spoil: (disk: FaultFileSystem, path: string, file: OpenFile, random: Random) => Partial<OpenFile>,
): PlantedBug {
  return {
    name,
    found,
    fileSystem: (disk, random) => {
      const open = (path: string, mode: 'create' | 'write' | 'read'): OpenFile | undefined => {
        const file = mode === 'create' ? disk.open(path, mode) : disk.open(path, mode)
        return file === undefined ? undefined : { ...file, ...spoil(disk, path, file, random) }
      }
      return { ...overDisk(disk), open: open as FileSystem['open'] }
    },
  }
}

function overDisk(disk: FaultFileSystem): FileSystem {
  return {
    open: disk.open.bind(disk) as FileSystem['open'],
    list: folder => disk.list(folder),
    stat: path => disk.stat(path),
    makeFolder: path => disk.makeFolder(path),
    rename: (from, to) => disk.rename(from, to),
    remove: path => disk.remove(path),
    syncFolder: folder => disk.syncFolder(folder),
    lock: path => disk.lock(path),
    freeSpace: () => disk.freeSpace(),
  }
}

/** Answers as if all had been appended. */
const asAppended = (entries: readonly AppendEntry[]): AppendOutcome[] =>
  entries.map(({ partition }) => ({
    kind: 'appended',
    baseOffset: inside(partition).logEndOffset,
    logAppendTimeMs: -1,
    logStartOffset: partition.logStartOffset,
  }))

/** Every log and each of its segments' last bytes. */
function cutLogs(disk: FaultFileSystem, bytes: number, random: Random): void {
  for (const folder of disk.list('/data').filter(name => /-\d+$/.test(name)))
    for (const name of disk.list(`/data/${folder}`).filter(each => each.endsWith('.log')))
      if (rarely(random, 300))
        disk.garble(`/data/${folder}/${name}`, content => content.subarray(0, Math.max(0, content.length - bytes)))
}

const isOffset = (change: CatalogChange): boolean => change.kind === 'putOffset'

export const plantedBugs: readonly PlantedBug[] = [
  under(
    ['kill', 'slow'],
    logsBug(
      'acknowledges before it writes',
      ['lost', 'wrong offset', 'two at one offset'],
      (logs, { random, clock }) => ({
        append: entries => {
          if (!rarely(random, 30)) return logs.append(entries)
          const answer = asAppended(entries)
          clock.schedule(100, () => void logs.append(entries))
          return answer
        },
      }),
    ),
  ),
  logsBug('answers another base offset', ['wrong offset', 'two at one offset', 'lost'], (logs, { random }) => ({
    append: entries =>
      changed(logs.append(entries), outcome =>
        outcome.kind === 'appended' && rarely(random, 5) ? { ...outcome, baseOffset: outcome.baseOffset + 1 } : outcome,
      ),
  })),
  under(
    ['network', 'late'],
    logsBug('forgets producers while it runs', ['duplicate', 'reordered'], (logs, { random }) => ({
      append: entries => {
        for (const { partition } of entries) if (rarely(random, 300)) inside(partition).producers.clear()
        return logs.append(entries)
      },
    })),
  ),
  under(
    ['kill', 'killInWrite', 'network'],
    logsBug('forgets producers when it recovers', ['duplicate', 'reordered'], logs => ({
      start: async topics => {
        const report = await logs.start(topics)
        for (const { topicId, partitionCount } of topics)
          for (let p = 0; p < partitionCount; p++) {
            const partition = logs.partition(topicId, p)
            if (partition !== undefined) inside(partition).producers.clear()
          }
        return report
      },
    })),
  ),
  under(
    ['slow', 'powerCut'],
    logsBug('serves above the high watermark', ['above the high watermark', 'unread', 'two at one offset'], logs => ({
      read: (entries, budget) => {
        const before = entries.map(({ partition }) => partition.highWatermark)
        for (const { partition } of entries) inside(partition).highWatermark = inside(partition).logEndOffset
        const outcomes = logs.read(entries, budget)
        for (const [i, { partition }] of entries.entries()) inside(partition).highWatermark = before[i]!
        return changed<ReadOutcome>(outcomes, (outcome, i) => ({ ...outcome, highWatermark: before[i]! }))
      },
    })),
  ),
  logsBug('leaves out a batch when it reads', ['skipped', 'gap', 'unprocessed'], (logs, { random }) => ({
    read: (entries, budget) =>
      changed<ReadOutcome>(logs.read(entries, budget), outcome =>
        outcome.kind === 'read' && outcome.records.length > 0 && rarely(random, 20)
          ? { ...outcome, records: outcome.records.map(withoutFirstBatch) }
          : outcome,
      ),
  })),
  logsBug('moves the log start up by itself', ['lost'], (logs, { random }) => ({
    append: entries => {
      for (const { partition } of entries)
        if (rarely(random, 3))
          void logs.deleteRecords(partition, Math.min(partition.highWatermark, partition.logStartOffset + 5))
      return logs.append(entries)
    },
  })),
  under(
    ['powerCut'],
    fileBug('does not sync its logs', ['lost', 'unread', 'wrong offset'], (_, path) =>
      path.endsWith('.log') ? { sync: () => Promise.resolve() } : {},
    ),
  ),
  under(
    ['sync', 'powerCut'],
    fileBug('takes a failed sync for a good one', ['lost', 'unread'], (_, path, file) =>
      path.endsWith('.log') ? { sync: () => file.sync().catch(() => {}) } : {},
    ),
  ),
  {
    name: 'does not sync names',
    mischief: ['powerCut'],
    found: ['lost', 'unread'],
    fileSystem: disk => ({ ...overDisk(disk), syncFolder: () => Promise.resolve() }),
  },
  {
    name: 'forgets the last batch when it was killed',
    mischief: ['kill'],
    found: ['lost', 'unread', 'gap'],
    afterDeath: (disk, random) => cutLogs(disk, 1, random),
  },
  {
    name: 'takes every end for a clean one',
    mischief: ['powerCut', 'powerCutInWrite'],
    found: ['lost', 'unread', 'gap', 'two at one offset', 'wrong offset', 'phantom', 'duplicate'],
    afterDeath: disk => {
      const marker = disk.open('/data/.kafka_cleanshutdown', 'create')
      marker.write(Buffer.from('{"version":0,"brokerEpoch":-1}'), 0)
      marker.close()
    },
  },
  {
    name: 'does not keep the log start',
    mischief: ['kill'],
    found: ['undeleted'],
    afterDeath: disk => {
      if (disk.stat('/data/log-start-offset-checkpoint') !== undefined) disk.remove('/data/log-start-offset-checkpoint')
    },
  },
  under(
    ['kill'],
    journalBug('loses commits of offsets', ['offset lost'], (entry, random) =>
      'changes' in entry && entry.changes.some(isOffset) && rarely(random, 300) ? undefined : entry,
    ),
  ),
  under(
    ['kill'],
    journalBug('writes committed offsets one too high', ['offset invented'], entry =>
      'changes' in entry
        ? {
            changes: entry.changes.map(change =>
              change.kind === 'putOffset'
                ? { ...change, offset: { ...change.offset, offset: change.offset.offset + 1 } }
                : change,
            ),
          }
        : entry,
    ),
  ),
  under(
    ['kill', 'network'],
    journalBug('gives out producer ids again', ['producer id reused'], entry =>
      'producerIds' in entry ? undefined : entry,
    ),
  ),
  {
    name: 'acknowledges commits before they are written',
    mischief: ['kill'],
    found: ['offset lost'],
    journal: ({ clock }) => ({ later: write => void clock.schedule(400, write) }),
  },
  {
    name: 'does not sync its catalog',
    mischief: ['powerCut'],
    found: ['offset lost', 'producer id reused'],
    needs: 'durable catalog',
    journal: () => ({ isNeverSynced: true }),
  },
  ...plantedTransactionBugs,
]

function withoutFirstBatch(records: Buffer): Buffer {
  const size = 12 + records.readInt32BE(8)
  return size < records.length ? records.subarray(size) : records
}
