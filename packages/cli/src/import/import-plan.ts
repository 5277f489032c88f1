/** What is to be brought in, settled before anything is touched. */
import { systemRandom } from '@millrace/base'
import type { PartitionFolder } from '../segments/partition-folders.ts'
import { CliError } from '../shared/cli-error.ts'
import { nearest } from '../shared/nearest.ts'
import { ClusterMetadataLog } from './cluster-metadata.ts'
import { CommittedOffsets, type GroupOffset } from './committed-offsets.ts'
import { highestProducerId, type SourceFolders } from './source-folders.ts'

export interface PlannedTopic {
  readonly name: string
  readonly id: string
  readonly partitionCount: number
  readonly folders: readonly PartitionFolder[]
  readonly configs: ReadonlyMap<string, string>
  readonly bytes: number
}

export interface ImportPlan {
  readonly topics: readonly PlannedTopic[]
  readonly offsets: readonly GroupOffset[]
  /** Ids below this are taken. */
  readonly nextProducerId: number
  readonly notes: readonly string[]
}

export interface PlanOptions {
  readonly topic: readonly string[]
  readonly allowMissing: boolean
}

export function planImport(source: SourceFolders, options: PlanOptions): ImportPlan {
  const metadata = source.metadataFolder === undefined ? undefined : ClusterMetadataLog.read(source.metadataFolder)
  const notes: string[] = []
  if (metadata === undefined)
    notes.push('there is no __cluster_metadata-0: topics come without their configurations, which are to be set again')
  const byTopic = Map.groupBy(source.partitions, ({ topic }) => topic)
  checkNames(options.topic, [...byTopic.keys()])
  const wanted = [...byTopic].filter(([name]) => options.topic.length === 0 || options.topic.includes(name))
  const topics = wanted.flatMap(([name, folders]) => {
    const known = metadata === undefined ? undefined : [...metadata.topics.values()].find(topic => topic.name === name)
    if (metadata !== undefined && known === undefined) {
      notes.push(`folders of ${name} are left out: Kafka's metadata has no such topic any more`)
      return []
    }
    return [planTopic(name, folders, { known, configs: metadata?.configs.get(name) })]
  })
  if (topics.length === 0) throw new CliError('there is no topic to bring in')
  if (!options.allowMissing) for (const topic of topics) refuseMissing(topic)
  return {
    topics,
    offsets: offsetsFor(topics, source.offsetFolders),
    nextProducerId: Math.max(metadata?.nextProducerId ?? 0, highestProducerId(source.partitions) + 1),
    notes,
  }
}

function checkNames(wanted: readonly string[], names: readonly string[]): void {
  for (const name of wanted) {
    if (names.includes(name)) continue
    const near = nearest(name, names)
    throw new CliError(
      `there is no topic '${name}' in the folder`,
      near === undefined ? {} : { hint: `did you mean '${near}'?` },
    )
  }
}

interface Known {
  readonly known: { readonly id: string; readonly partitionCount: number } | undefined
  readonly configs: ReadonlyMap<string, string> | undefined
}

function planTopic(name: string, folders: readonly PartitionFolder[], { known, configs }: Known): PlannedTopic {
  const ids = new Set(folders.flatMap(({ topicId }) => topicId ?? []))
  if (known !== undefined) ids.add(known.id)
  if (ids.size > 1)
    throw new CliError(`the folders of topic '${name}' belong to ${ids.size} topics of that name`, {
      hint: `their ids are ${[...ids].join(', ')}; 'millrace log' shows which folder has which`,
    })
  const partitions = folders.map(({ partition }) => partition)
  const twice = partitions.find((partition, i) => partitions.indexOf(partition) !== i)
  if (twice !== undefined) throw new CliError(`partition ${twice} of topic '${name}' is in more than one folder`)
  return {
    name,
    id: [...ids][0] ?? systemRandom.bytes(16).toString('base64url'),
    partitionCount: Math.max(known?.partitionCount ?? 0, ...partitions.map(partition => partition + 1)),
    folders,
    configs: configs ?? new Map(),
    bytes: folders.reduce((sum, { bytes }) => sum + bytes, 0),
  }
}

function refuseMissing({ name, partitionCount, folders }: PlannedTopic): void {
  if (folders.length === partitionCount) return
  const there = new Set(folders.map(({ partition }) => partition))
  const missing = Array.from({ length: partitionCount }, (_, i) => i).filter(partition => !there.has(partition))
  throw new CliError(
    `topic '${name}' has ${partitionCount} partitions, and ${missing.slice(0, 10).join(', ')} are in none of the folders`,
    {
      hint: 'name the other folders with --from too, or let them be empty with --allow-missing',
    },
  )
}

function offsetsFor(topics: readonly PlannedTopic[], folders: readonly string[]): readonly GroupOffset[] {
  const committed = new CommittedOffsets()
  for (const folder of folders) committed.addFolder(folder)
  const counts = new Map(topics.map(({ name, partitionCount }) => [name, partitionCount]))
  return committed.all.filter(({ offset }) => offset.partition < (counts.get(offset.topic) ?? 0))
}
