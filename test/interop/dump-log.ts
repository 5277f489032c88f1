// Lets Apache Kafka's own kafka-dump-log read every file of a stopped broker's data folder, and finds what it complains about:
// it ends with status 0 whatever it finds, so that its words have to be read.
//   node dump-log.ts FOLDER
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
  /Non-consecutive offsets/i,
  /Non-secutive offsets/i,
  /corrupt/i,
  /Exception/,
  /Ignoring unknown file/,
  /Could not/i,
  /is invalid/i,
]
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

export async function dumpLogs(data: string): Promise<DumpReport> {
  await installKafka()
  const files = dumpableFiles(data)
  const complaints: string[] = []
  let batchCount = 0
  for (let from = 0; from < files.length; from += FILES_PER_CALL) {
    const part = files.slice(from, from + FILES_PER_CALL)
    const dumped = await run(kafkaScript, ['kafka-dump-log', '--deep-iteration', '--files', part.join(',')], {
      limitMs: 180_000,
    })
    if (dumped.code !== 0) complaints.push(`kafka-dump-log ended with ${dumped.code}`)
    let file = ''
    for (const line of `${dumped.stdout}\n${dumped.stderr}`.split('\n')) {
      if (line.startsWith('Dumping ')) file = line.slice('Dumping '.length)
      if (line.startsWith('baseOffset: ')) batchCount++
      if (COMPLAINTS.some(complaint => complaint.test(line))) complaints.push(`${file}: ${line}`)
    }
    const read = new Set(
      dumped.stdout
        .split('\n')
        .filter(line => line.startsWith('Dumping '))
        .map(line => line.slice(8)),
    )
    for (const path of part) if (!read.has(path)) complaints.push(`${path}: was not read`)
  }
  return { fileCount: files.length, batchCount, complaints }
}

if (import.meta.main) {
  const [data] = process.argv.slice(2)
  if (data === undefined) {
    console.error('usage: node dump-log.ts FOLDER')
    process.exit(2)
  }
  const report = await dumpLogs(data)
  for (const complaint of report.complaints.slice(0, 50)) console.log(complaint)
  console.log(`${report.fileCount} files, ${report.batchCount} batches, ${report.complaints.length} complaints`)
  process.exit(report.complaints.length > 0 || report.fileCount === 0 ? 1 : 0)
}
