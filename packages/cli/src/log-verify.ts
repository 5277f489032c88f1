/** `millrace log verify`: a table of the partitions, and each problem with its file and position. Exit status 1 when there is one. */
import { existsSync, statSync } from 'node:fs'
import { join, resolve } from 'node:path'
import {
  checkFolder,
  type FolderReport,
  nodeFileSystem,
  partitionOfFolder,
  readCompactedTopics,
} from '@millrace/storage'
import type { LogVerifyOptions } from './commands/log.ts'
import { CATALOG_FILE } from './serve/open-engine.ts'
import { CliError, usageError } from './shared/cli-error.ts'
import { Progress } from './shared/progress.ts'
import type { Session } from './shared/session.ts'
import { formatBytes, formatCount, plural } from './shared/units.ts'

/** Where `millrace serve` keeps its data unless it is told otherwise. */
export const DEFAULT_DIR = 'millrace-data'

export async function logVerify(
  session: Session,
  partitions: readonly string[],
  { dir = [DEFAULT_DIR] }: Partial<LogVerifyOptions>,
): Promise<number> {
  const { out, signal } = session
  const reports: FolderReport[] = []
  const progress = new Progress(!out.quiet, 'partition')
  const isWanted = wantedBy(partitions)
  const isCompacted = compactedBy(dir)
  let count = 0
  let bytes = 0
  for (const folder of dir.map(existingFolder)) {
    const checked = (report: { readonly bytes: number }): void => {
      bytes += report.bytes
      progress.update(++count, bytes, bytes)
    }
    reports.push(await checkFolder(nodeFileSystem, folder, { isWanted, isCompacted, checked, signal }))
  }
  progress.clear()
  refuseNothing(partitions, reports)
  show(session, reports)
  return reports.some(({ problemCount }) => problemCount > 0) ? 1 : 0
}

export function existingFolder(folder: string): string {
  const isFolder = existsSync(folder) && statSync(folder).isDirectory()
  if (!isFolder) throw new CliError(`there is no folder ${folder}`, { hint: '--dir names log.dirs of the broker' })
  return resolve(folder)
}

/** By names of topics or of partitions. */
export function wantedBy(names: readonly string[]): (topic: string, partition: number) => boolean {
  const path = names.find(name => name.includes('/'))
  if (path !== undefined)
    throw usageError(`'${path}' is a path, and no topic`, `for the data folder write --dir ${path}`)
  const wanted = new Set(names)
  return (topic, partition) => wanted.size === 0 || wanted.has(topic) || wanted.has(`${topic}-${partition}`)
}

/** The catalog lies in one of the folders. */
export function compactedBy(folders: readonly string[]): (topic: string) => boolean | undefined {
  const known = folders
    .map(folder => readCompactedTopics(join(folder, CATALOG_FILE)))
    .find(found => found !== undefined)
  return topic => known?.get(topic)
}

function refuseNothing(names: readonly string[], reports: readonly FolderReport[]): void {
  const found = reports.flatMap(({ partitions }) => partitions)
  refuseUnknown(
    names,
    found,
    reports.map(({ folder }) => folder),
  )
}

interface NamedPartition {
  readonly topic: string
  readonly partition: number
}

export function refuseUnknown(
  names: readonly string[],
  found: readonly NamedPartition[],
  folders: readonly string[],
): void {
  for (const name of names) {
    const isThere = found.some(({ topic, partition }) => name === topic || name === `${topic}-${partition}`)
    if (isThere) continue
    const noun = partitionOfFolder(name) === undefined ? 'topic' : 'partition'
    throw new CliError(`there is no ${noun} '${name}' in ${folders.join(', ')}`, {
      hint: "'millrace log FOLDER' shows what there is",
    })
  }
}

function show({ out }: Session, reports: readonly FolderReport[]): void {
  const problems = reports.flatMap(report => [
    ...report.problems,
    ...report.partitions.flatMap(partition => partition.problems),
  ])
  const problemCount = reports.reduce((sum, report) => sum + report.problemCount, 0)
  out.result({ folders: reports, problemCount }, () => {
    out.table(
      [
        { title: 'topic', cell: row => row.topic },
        { title: 'partition', cell: row => row.partition },
        { title: 'segments', cell: row => row.segmentCount },
        { title: 'batches', cell: row => row.batchCount },
        { title: 'records', cell: row => row.recordCount },
        { title: 'size', cell: row => formatBytes(row.bytes), align: 'right' },
        { title: 'offsets', cell: row => (row.segmentCount === 0 ? '-' : `${row.startOffset}..${row.endOffset}`) },
        { title: 'missing', cell: row => row.missingOffsets },
        { title: 'problems', cell: row => row.problemCount },
      ],
      reports.flatMap(({ partitions }) => partitions),
    )
    for (const { path, position, message } of problems)
      out.print(`${path}${position === undefined ? '' : ` at ${position}`}: ${message}\n`)
    const unsaid = problemCount - problems.length
    if (unsaid > 0) out.print(`and ${formatCount(unsaid)} more\n`)
  })
  for (const { folder, isRunning } of reports)
    if (isRunning) out.note(`${folder} is in use: what is being written was left out`)
  out.note(
    problemCount === 0
      ? 'no problems'
      : `${plural(problemCount, 'problem')}: 'millrace log repair' says what can be done`,
  )
}
