/**
 * Brings partition folders over. A copy is made beside the others under a name that no broker takes for a partition, synced, and renamed when it is whole.
 * `undo` takes back all that was done.
 */
import {
  closeSync,
  constants,
  copyFileSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { formatPartitionMetadata, offsetOfFile, partitionFolder, segmentSuffixes } from '@millrace/storage'
import type { PartitionFolder } from '../segments/partition-folders.ts'

const STAGING = '.importing'

export class FolderPlacer {
  readonly #target: string
  readonly #isMove: boolean
  readonly #undo: (() => void)[] = []

  constructor(target: string, isMove: boolean) {
    this.#target = target
    this.#isMove = isMove
  }

  place(source: PartitionFolder, topicId: string): void {
    const staged = join(this.#target, STAGING)
    const placed = join(this.#target, partitionFolder(source.topic, source.partition))
    rmSync(staged, { recursive: true, force: true })
    if (this.#isMove && this.#rename(source.path, placed)) return
    copyPartition(source.path, staged)
    const metadata = join(staged, 'partition.metadata')
    if (!existsSync(metadata)) writeFileSync(metadata, formatPartitionMetadata(topicId))
    renameSync(staged, placed)
    this.#undo.push(() => rmSync(placed, { recursive: true, force: true }))
  }

  undo(): void {
    rmSync(join(this.#target, STAGING), { recursive: true, force: true })
    for (const step of this.#undo.reverse()) step()
  }

  /** False when the two lie on different file systems, where only copying is possible. */
  #rename(from: string, to: string): boolean {
    try {
      renameSync(from, to)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'EXDEV') return false
      throw error
    }
    this.#undo.push(() => renameSync(to, from))
    return true
  }
}

function copyPartition(from: string, to: string): void {
  mkdirSync(to)
  for (const name of readdirSync(from)) {
    const isWanted =
      name === 'leader-epoch-checkpoint' ||
      name === 'partition.metadata' ||
      segmentSuffixes.some(suffix => offsetOfFile(name, suffix) !== undefined)
    if (!isWanted) continue
    const path = join(to, name)
    copyFileSync(join(from, name), path, constants.COPYFILE_FICLONE)
    sync(path)
  }
  sync(to)
}

function sync(path: string): void {
  const fd = openSync(path, 'r')
  try {
    fsyncSync(fd)
  } finally {
    closeSync(fd)
  }
}
