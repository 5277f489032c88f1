/** The partitions' folders among those of one engine: which is where, and where a new one goes. */
import type { Logger, Random } from '@millrace/base'
import type { TopicLayout } from '../engine.ts'
import { type FileSystem, readSmallFile, writeSmallFile } from '../file-system.ts'
import { formatPartitionMetadata, parsePartitionMetadata } from '../log/checkpoint-file.ts'
import {
  isDeletedFolder,
  PARTITION_METADATA_FILE,
  partitionFolder,
  partitionOfFolder,
  waitingFolder,
} from '../log/file-names.ts'
import type { DataFolder } from './data-folder.ts'

export interface PartitionPlace {
  readonly data: DataFolder
  readonly folder: string
  /** Made by this claim: nothing is in it but who it belongs to. */
  readonly isNew: boolean
}

export class PartitionFolders {
  readonly #fs: FileSystem
  readonly #folders: readonly DataFolder[]
  readonly #random: Random
  readonly #logger: Logger
  readonly #where = new Map<string, DataFolder>()
  readonly #counts = new Map<DataFolder, number>()

  constructor(fs: FileSystem, folders: readonly DataFolder[], tools: { random: Random; logger: Logger }) {
    this.#fs = fs
    this.#folders = folders
    this.#random = tools.random
    this.#logger = tools.logger
  }

  /** Finds what is there, and removes what waited for its removal when the last process ended. */
  scan(): void {
    for (const data of this.#folders) {
      for (const name of this.#fs.list(data.path)) {
        if (isDeletedFolder(name)) this.#fs.remove(`${data.path}/${name}`)
        else if (partitionOfFolder(name) !== undefined) this.#found(name, data)
      }
    }
  }

  /** Folders that no topic of the catalog has a claim on. They are left alone. */
  strays(partitionCounts: ReadonlyMap<string, number>): readonly string[] {
    const isClaimed = (name: string): boolean => {
      const { topic, partition } = partitionOfFolder(name)!
      return name === partitionFolder(topic, partition) && partition < (partitionCounts.get(topic) ?? 0)
    }
    return [...this.#where].filter(([name]) => !isClaimed(name)).map(([name, data]) => `${data.path}/${name}`)
  }

  /** The partition's folder. Made when there is none; one of another topic that had the same name is put aside. */
  claim(layout: TopicLayout, partition: number): PartitionPlace {
    const name = partitionFolder(layout.topic, partition)
    const data = this.#where.get(name) ?? this.#madeByOthers(name)
    if (data === undefined) return this.#make(layout, partition)
    const folder = `${data.path}/${name}`
    const metadata = readSmallFile(this.#fs, `${folder}/${PARTITION_METADATA_FILE}`)
    const topicId = metadata === undefined ? undefined : parsePartitionMetadata(metadata)
    if (topicId === layout.topicId) return { data, folder, isNew: false }
    if (topicId === undefined) {
      this.#writeMetadata(folder, layout.topicId)
      return { data, folder, isNew: false }
    }
    this.#putAside(layout.topic, partition, folder)
    this.#where.delete(name)
    return this.#make(layout, partition)
  }

  /** Where the folder of a removed partition is to wait; its name is free from now on. */
  release(topic: string, partition: number): string | undefined {
    const name = partitionFolder(topic, partition)
    const data = this.#where.get(name)
    if (data === undefined) return undefined
    this.#where.delete(name)
    this.#counts.set(data, this.#countOf(data) - 1)
    return `${data.path}/${waitingFolder(topic, partition, { hex: this.#hex(), kind: 'delete' })}`
  }

  /** The partition is another node's now; its folder stays where it is. */
  leave(topic: string, partition: number): void {
    const name = partitionFolder(topic, partition)
    const data = this.#where.get(name)
    if (data === undefined) return
    this.#where.delete(name)
    this.#counts.set(data, this.#countOf(data) - 1)
  }

  /** Other nodes make folders beside ours. */
  #madeByOthers(name: string): DataFolder | undefined {
    const data = this.#folders.find(
      folder => folder.isShared && this.#fs.stat(`${folder.path}/${name}`)?.isFolder === true,
    )
    if (data !== undefined) this.#found(name, data)
    return data
  }

  #found(name: string, data: DataFolder): void {
    const other = this.#where.get(name)
    if (other !== undefined) {
      this.#logger.warn('partition lies in two folders; the first is used', {
        partition: name,
        used: other.path,
        ignored: data.path,
      })
      return
    }
    this.#where.set(name, data)
    this.#counts.set(data, this.#countOf(data) + 1)
  }

  /** In the folder with the fewest partitions, as Kafka does. */
  #make(layout: TopicLayout, partition: number): PartitionPlace {
    const name = partitionFolder(layout.topic, partition)
    const [data] = [...this.#folders].sort((a, b) => this.#countOf(a) - this.#countOf(b))
    const folder = `${data!.path}/${name}`
    const isNew = this.#fs.makeFolder(folder)
    this.#found(name, data!)
    // Somebody put one there since the start.
    if (!isNew) return this.claim(layout, partition)
    this.#writeMetadata(folder, layout.topicId)
    return { data: data!, folder, isNew }
  }

  #putAside(topic: string, partition: number, folder: string): void {
    const aside = `${folder.slice(0, folder.lastIndexOf('/'))}/${waitingFolder(topic, partition, { hex: this.#hex(), kind: 'stray' })}`
    this.#logger.warn('folder of another topic of the same name is put aside', { folder, aside })
    this.#fs.rename(folder, aside)
  }

  #writeMetadata(folder: string, topicId: string): void {
    writeSmallFile(this.#fs, `${folder}/${PARTITION_METADATA_FILE}`, formatPartitionMetadata(topicId))
  }

  #countOf(data: DataFolder): number {
    return this.#counts.get(data) ?? 0
  }

  #hex(): string {
    return this.#random.bytes(16).toString('hex')
  }
}
