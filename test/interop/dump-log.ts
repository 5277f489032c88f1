// Lets Apache Kafka's own kafka-dump-log read every file of a stopped broker's data folder, and finds what it complains about:
// it ends with status 0 whatever it finds, so that its words have to be read.
//   node dump-log.ts FOLDER [PATTERN]    offsets may be missing in partitions whose path matches the pattern: compacted ones
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { installKafka, kafkaScript } from './broker.ts'
import { run } from './process.ts'

const KINDS = ['.log', '.index', '.timeindex', '.snapshot', '.txnindex'] as const
const COMPLAINTS = [
  /isvalid: false/,
  /invalid bytes at the end/,
  /mismatch/i,
  /out of order timestamp/i,
  /corrupt/i,
  /Exception/,
  /Ignoring unknown file/,
  /Could not/i,
  /is invalid/i,
]
const ABOUT_OFFSETS = 'Non-consecutive offsets in '
const FILES_PER_CALL = 2_000

export interface DumpReport {
  readonly fileCount: number
  readonly batchCount: number
  readonly complaints: readonly string[]
}

/** The partition folders' files that kafka-dump-log reads. KRaft's own metadata log is Apache Kafka's business alone. */
function dumpableFiles(data: string): string[] {
  return readdirSync(data, { recursive: true, withFileTypes: true })
    .filter(entry => entry.isFile() && KINDS.some(kind => entry.name.endsWith(kind)))
    .map(entry => join(entry.parentPath, entry.name))
    .filter(path => /-\d+\/\d{20}\.[a-z]+$/.test(path) && !path.includes('/__cluster_metadata-0/'))
    .sort()
}

/** Offsets may be missing in partitions whose path matches `compacted`. */
export async function dumpLogs(data: string, compacted = /\/__/): Promise<DumpReport> {
  await installKafka()
  const files = dumpableFiles(data)
  const unread = new Set(files)
  const complaints: string[] = []
  let batchCount = 0
  let file = ''
  const onLine = (line: string) => {
    if (line.startsWith('Dumping ')) {
      file = line.slice('Dumping '.length)
      unread.delete(file)
    }
    if (line.startsWith('baseOffset: ')) batchCount++
    // what is wrong with offsets comes at the end, after all files
    if (line.startsWith(ABOUT_OFFSETS)) file = line.slice(ABOUT_OFFSETS.length)
    if (isComplaint(line, compacted.test(file))) complaints.push(`${file}: ${line}`)
  }
  for (let from = 0; from < files.length; from += FILES_PER_CALL) {
    const part = files.slice(from, from + FILES_PER_CALL)
    const args = ['kafka-dump-log', '--deep-iteration', '--files', part.join(',')]
    const dumped = await run(kafkaScript, args, { limitMs: 180_000, onLine })
    dumped.stderr.split('\n').forEach(onLine)
    if (dumped.code !== 0) complaints.push(`kafka-dump-log ended with ${dumped.code}`)
  }
  for (const path of unread) complaints.push(`${path}: was not read`)
  return { fileCount: files.length, batchCount, complaints }
}

function isComplaint(line: string, isCompacted: boolean): boolean {
  const [, before, after] = /^ *(-?\d+) is followed by (-?\d+)$/.exec(line) ?? []
  // it says "-1 is followed by 1041" of every segment that does not begin at 0
  if (before !== undefined) return before !== '-1' && !(isCompacted && Number(after) > Number(before))
  return COMPLAINTS.some(complaint => complaint.test(line))
}

if (import.meta.main) {
  const [data, compacted] = process.argv.slice(2)
  if (data === undefined) {
    console.error('usage: node dump-log.ts FOLDER [PATTERN]')
    process.exit(2)
  }
  const report = await dumpLogs(data, compacted === undefined ? undefined : new RegExp(compacted))
  for (const complaint of report.complaints.slice(0, 50)) console.log(complaint)
  console.log(`${report.fileCount} files, ${report.batchCount} batches, ${report.complaints.length} complaints`)
  process.exit(report.complaints.length > 0 || report.fileCount === 0 ? 1 : 0)
}
