/**
 * `millrace import`: Kafka's data folder into Millrace's. Everything is looked at before anything is touched; folders come first and the catalog last, so that
 * an import that is cut off leaves folders which no topic has a claim on, and nothing else.
 */
import { rmSync } from 'node:fs'
import { isConfigProblems, loadBrokerConfig } from '@millrace/broker'
import type { ImportOptions } from './commands/import.ts'
import { type ImportPlan, planImport } from './import/import-plan.ts'
import { FolderPlacer } from './import/place-folders.ts'
import { openSource, type SourceFolders } from './import/source-folders.ts'
import { TargetFolder } from './import/target-folder.ts'
import { usageError } from './shared/cli-error.ts'
import { Progress } from './shared/progress.ts'
import type { Session } from './shared/session.ts'
import { formatBytes, plural } from './shared/units.ts'

export async function importFolders(session: Session, options: ImportOptions): Promise<void> {
  const config = loadBrokerConfig({
    ...(options.config !== undefined && { file: options.config }),
    set: options.set,
    env: process.env,
  })
  if (isConfigProblems(config)) throw usageError(config.map(({ message }) => message).join('; '))
  const source = openSource(options.from)
  try {
    const plan = planImport(source, options)
    for (const note of plan.notes) session.out.warn(note)
    if (options.dryRun) return show(session, plan, 'would be brought in: nothing was changed')
    const target = TargetFolder.open({ dirs: config.logDirs, nodeId: config.nodeId, clusterId: source.clusterId })
    try {
      await target.refuseExisting(plan)
      await bringIn(session, { plan, source, target, options })
    } finally {
      target.close()
    }
    show(session, plan, `brought into ${target.path}`)
  } finally {
    source.release()
  }
}

interface Import {
  readonly plan: ImportPlan
  readonly source: SourceFolders
  readonly target: TargetFolder
  readonly options: ImportOptions
}

async function bringIn({ out, signal }: Session, { plan, source, target, options }: Import): Promise<void> {
  const placer = new FolderPlacer(target.path, options.move)
  const progress = new Progress(!out.quiet, 'partition')
  const totalBytes = plan.topics.reduce((sum, { bytes }) => sum + bytes, 0)
  let bytes = 0
  let count = 0
  try {
    for (const topic of plan.topics)
      for (const folder of topic.folders) {
        placer.place(folder, topic.id)
        bytes += folder.bytes
        progress.update(++count, bytes, totalBytes)
        // Copying keeps the loop busy: give Ctrl-C its turn.
        await new Promise(resolve => setImmediate(resolve))
        signal.throwIfAborted()
      }
    target.mergeCheckpoints(plan, options.from, source.isClean)
    await target.record(plan, Date.now())
  } catch (error) {
    placer.undo()
    throw error
  } finally {
    progress.clear()
  }
  // What could only be copied is removed once it is safe where it went.
  if (options.move)
    for (const { folders } of plan.topics)
      for (const { path } of folders) rmSync(path, { recursive: true, force: true })
}

function show({ out }: Session, { topics, offsets }: ImportPlan, what: string): void {
  const rows = topics.map(({ name, id, partitionCount, bytes, configs }) => ({
    topic: name,
    id,
    partitions: partitionCount,
    bytes,
    configs: Object.fromEntries(configs),
  }))
  const groups = new Set(offsets.map(({ groupId }) => groupId))
  out.result({ topics: rows, groups: groups.size, offsets: offsets.length }, () =>
    out.table(
      [
        { title: 'topic', cell: row => row.topic },
        { title: 'partitions', cell: row => row.partitions },
        { title: 'size', cell: row => formatBytes(row.bytes), align: 'right' },
        { title: 'configurations', cell: row => Object.keys(row.configs).length },
        { title: 'id', cell: row => row.id },
      ],
      rows,
    ),
  )
  out.note(
    `${plural(topics.length, 'topic')}, ${plural(offsets.length, 'offset')} of ${plural(groups.size, 'group')} ${what}`,
  )
}
