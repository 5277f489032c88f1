/**
 * Before the nodes of a start begin: finds a leader for every partition whose leader is gone, and takes what that one's files knew along to the next.
 *
 * Which nodes there are may have changed since the last start. A node's checkpoints are in files of its own, so a partition that goes to another node needs
 * what they say of it: it is written into the catalog with the new leader, all at once, and what a crash leaves half done is done by the next start.
 */
import type { Logger } from '@millrace/base'
import {
  type Catalog,
  type CatalogChange,
  type CatalogImage,
  NO_NODE,
  type StoredPlacement,
  type StoredTopic,
} from '../catalog/catalog.ts'
import { LeaderSpread } from '../catalog/leader-spread.ts'
import { type FileSystem, readSmallFile, replaceFile } from '../file-system.ts'
import { formatOffsetCheckpoint, parseLeaderEpochs } from '../log/checkpoint-file.ts'
import { LEADER_EPOCH_FILE, partitionFolder } from '../log/file-names.ts'
import { CLEAN_MARKER, CLEAN_MARKER_TEXT, DataFolder } from './data-folder.ts'
import { checkpointsIn, type FolderKnowledge, formatHandover, offsetsOf, UNKNOWN_FOLDER } from './folder-knowledge.ts'
import { NODE_FILE, nodeFileNames, nodeOfFile, nodeSuffix } from './node-files.ts'

export interface SettleOptions {
  readonly fs: FileSystem
  readonly folders: readonly DataFolder[]
  readonly catalog: Catalog
  /** Rising. The first uses Kafka's file names. */
  readonly nodeIds: readonly number[]
  readonly logger: Logger
}

const CHANGES_A_WRITE = 10_000

/** One node that was always alone has nothing to settle. */
export async function settlePlacements(options: SettleOptions): Promise<void> {
  const { fs, folders, nodeIds } = options
  const known = new Set(folders.flatMap(({ path }) => fs.list(path).map(nodeOfFile)))
  known.delete(undefined)
  if (nodeIds.length > 1 || known.size > 0) await new Settling(options, known as ReadonlySet<number>).run()
}

class Settling {
  readonly #options: SettleOptions
  /** Nodes that have files of their own from the last start. */
  readonly #known: ReadonlySet<number>
  readonly #first: number
  readonly #knowledge = new Map<string, FolderKnowledge>()

  constructor(options: SettleOptions, known: ReadonlySet<number>) {
    this.#options = options
    this.#known = known
    this.#first = options.nodeIds[0]!
  }

  async run(): Promise<void> {
    const { catalog, folders, logger } = this.#options
    const clean = folders.filter(folder => this.#isClean(folder))
    for (const folder of folders) if (!clean.includes(folder)) await this.#removeMarkers(folder)
    const changes = this.#changes(await catalog.load())
    for (let at = 0; at < changes.length; at += CHANGES_A_WRITE)
      await catalog.write(changes.slice(at, at + CHANGES_A_WRITE))
    if (changes.length > 0)
      logger.info('partitions have other leaders than at the last start', { count: changes.length })
    for (const folder of folders) await this.#leaveFiles(folder, clean.includes(folder))
  }

  /** All or nothing: what a node did not leave in good order may be any partition by now. */
  #isClean({ path, isFresh }: DataFolder): boolean {
    const { fs } = this.#options
    const suffixes = ['', ...[...this.#known].map(nodeSuffix)]
    return isFresh || suffixes.every(suffix => fs.stat(`${path}/${CLEAN_MARKER}${suffix}`) !== undefined)
  }

  async #removeMarkers({ path }: DataFolder): Promise<void> {
    const { fs } = this.#options
    for (const suffix of ['', ...[...this.#known].map(nodeSuffix)]) fs.remove(`${path}/${CLEAN_MARKER}${suffix}`)
    await fs.syncFolder(path)
  }

  #changes({ topics, placements }: CatalogImage): CatalogChange[] {
    const { nodeIds } = this.#options
    const placed = new Map(placements.map(row => [`${row.topicId}/${row.partition}`, row]))
    const spread = new LeaderSpread(
      nodeIds,
      placements.filter(({ nodeId }) => nodeIds.includes(nodeId)),
    )
    return topics.flatMap(topic =>
      Array.from({ length: topic.partitionCount }, (_, partition) =>
        this.#changesOf(topic, partition, { row: placed.get(`${topic.id}/${partition}`), spread }),
      ).flat(),
    )
  }

  #changesOf(
    topic: StoredTopic,
    partition: number,
    { row, spread }: { readonly row: StoredPlacement | undefined; readonly spread: LeaderSpread },
  ): CatalogChange[] {
    const { nodeIds } = this.#options
    const changes: CatalogChange[] = []
    if (row !== undefined && row.targetNodeId !== NO_NODE && !nodeIds.includes(row.targetNodeId))
      changes.push({ kind: 'setMoveTarget', topicId: topic.id, partition, targetNodeId: NO_NODE })
    const before = this.#filesThen(row?.nodeId ?? NO_NODE)
    const stays = row !== undefined && nodeIds.includes(row.nodeId) && this.#filesNow(row.nodeId) === before
    const isAlone = nodeIds.length === 1
    if (stays || (isAlone && (row?.nodeId ?? NO_NODE) === NO_NODE)) return changes
    const nodeId = isAlone ? NO_NODE : nodeIds.includes(row?.nodeId ?? NO_NODE) ? row!.nodeId : spread.next(topic.id)
    const isSameFile = this.#filesNow(nodeId) === before
    const name = partitionFolder(topic.name, partition)
    const handover = isSameFile
      ? (row?.handover ?? '')
      : formatHandover(offsetsOf(this.#knowledgeIn(before), name, row && { leaderEpoch: 0, handover: row.handover }))
    const leaderEpoch = row === undefined ? this.#epochOf(name) + (isSameFile ? 0 : 1) : row.leaderEpoch + 1
    changes.push({ kind: 'setLeader', placement: { topicId: topic.id, partition, nodeId, leaderEpoch, handover } })
    return changes
  }

  #filesThen(nodeId: number): string {
    return this.#known.has(nodeId) ? nodeSuffix(nodeId) : ''
  }

  #filesNow(nodeId: number): string {
    return nodeId === NO_NODE || nodeId === this.#first ? '' : nodeSuffix(nodeId)
  }

  #knowledgeIn(suffix: string): FolderKnowledge {
    let knowledge = this.#knowledge.get(suffix)
    if (knowledge === undefined) this.#knowledge.set(suffix, (knowledge = this.#readKnowledge(suffix)))
    return knowledge
  }

  /** A partition lies in one of the folders, and has lines in its files alone. */
  #readKnowledge(suffix: string): FolderKnowledge {
    const { fs, folders, logger } = this.#options
    const each = folders.map(({ path }) => checkpointsIn(DataFolder.shared(fs, path, suffix), logger))
    const merged = (name: 'recoveryPoints' | 'logStarts' | 'cleanedUpTo'): ReadonlyMap<string, number> =>
      new Map(each.flatMap(known => [...known[name]]))
    return {
      ...UNKNOWN_FOLDER,
      recoveryPoints: merged('recoveryPoints'),
      logStarts: merged('logStarts'),
      cleanedUpTo: merged('cleanedUpTo'),
    }
  }

  /** The epoch that the partition's log has reached; 0 where there is none yet. */
  #epochOf(name: string): number {
    const { fs, folders } = this.#options
    for (const { path } of folders) {
      const bytes = readSmallFile(fs, `${path}/${name}/${LEADER_EPOCH_FILE}`)
      if (bytes !== undefined) return parseLeaderEpochs(bytes)?.at(-1)?.epoch ?? 0
    }
    return 0
  }

  async #leaveFiles({ path }: DataFolder, isClean: boolean): Promise<void> {
    const { fs, nodeIds } = this.#options
    const others = nodeIds.slice(1)
    for (const nodeId of this.#known)
      if (!others.includes(nodeId)) for (const name of nodeFileNames) fs.remove(`${path}/${name}${nodeSuffix(nodeId)}`)
    for (const nodeId of others) {
      const file = `${path}/${NODE_FILE}${nodeSuffix(nodeId)}`
      if (fs.stat(file) === undefined) await replaceFile(fs, file, formatOffsetCheckpoint([]))
    }
    const suffixes = nodeIds.map(nodeId => this.#filesNow(nodeId))
    if (isClean && others.length > 0)
      for (const suffix of suffixes)
        await replaceFile(fs, `${path}/${CLEAN_MARKER}${suffix}`, Buffer.from(CLEAN_MARKER_TEXT))
    await fs.syncFolder(path)
  }
}
