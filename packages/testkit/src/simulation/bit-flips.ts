/**
 * A bit that the device gives back other than it was written, in an old file: a closed segment below the recovery point, or what belongs to one. Above the
 * recovery point an unclean start checks what is there and cuts at the first bad batch, as Kafka does: a bit that is flipped there costs acknowledged records,
 * and nothing can tell it from a write that a power cut tore. Below it nothing is cut: a fetch gets an error or what was written.
 */
import type { Random } from '@millrace/base'
import { forEachBatch } from '@millrace/protocol'
import { offsetOfFile, parseOffsetCheckpoint, partitionFolder } from '@millrace/storage'
import type { FaultFileSystem } from '../fault-file-system.ts'
import type { ClientWorld, SimulatedTopic } from './simulated-client.ts'

/** Each as often as it is named. */
const SUFFIXES = ['.log', '.log', '.log', '.index', '.timeindex', '.txnindex', '.snapshot'] as const

const BASE_OFFSET_BYTES = 8

/** The one field of a batch that its checksum does not cover and that a reader believes. */
function isInBaseOffset(log: Buffer, position: number): boolean {
  let isInside = false
  forEachBatch(log, at => {
    if (position >= at && position < at + BASE_OFFSET_BYTES) isInside = true
  })
  return isInside
}

interface OldSegment {
  readonly topic: SimulatedTopic
  readonly partition: number
  readonly folder: string
  readonly baseOffset: number
  readonly nextOffset: number
}

export function flipOldBit(world: ClientWorld, disk: FaultFileSystem, random: Random): void {
  const segments = oldSegments(world, disk)
  if (segments.length === 0) return
  const { topic, partition, folder, baseOffset, nextOffset } = segments[random.integer(segments.length)]!
  const suffix = SUFFIXES[random.integer(SUFFIXES.length)]!
  const path = `${folder}/${String(baseOffset).padStart(20, '0')}${suffix}`
  const bits = (disk.stat(path)?.sizeBytes ?? 0) * 8
  if (bits === 0) return
  const bit = random.integer(bits)
  if (suffix === '.log' && isInBaseOffset(disk.contentOf(path), bit >> 3)) return
  const detail = `bit ${bit} of ${path}`
  // All else is made again from the log.
  if (suffix === '.log')
    world.record({ kind: 'damaged', topic: topic.key, partition, from: baseOffset, to: nextOffset, detail })
  world.record({ kind: 'fault', fault: 'disk', detail })
  disk.flipBit(path, bit)
}

function oldSegments(world: ClientWorld, disk: FaultFileSystem): OldSegment[] {
  const checkpoint = disk.durableContentOf('/data/recovery-point-offset-checkpoint')
  const points = checkpoint === undefined ? undefined : parseOffsetCheckpoint(checkpoint)
  if (points === undefined) return []
  // A name that comes again may have another life's files and checkpoints.
  const topics = world.topics.filter(({ name }) => !name.startsWith('temporary'))
  return topics.flatMap(topic =>
    Array.from({ length: topic.partitions }, (_, partition) => partition).flatMap(partition => {
      const folder = `/data/${partitionFolder(topic.name, partition)}`
      const point = points.get(partitionFolder(topic.name, partition)) ?? 0
      const bases = disk
        .list(folder)
        .flatMap(name => offsetOfFile(name, '.log') ?? [])
        .sort((a, b) => a - b)
      return bases.flatMap((baseOffset, i) => {
        const nextOffset = bases[i + 1]
        if (nextOffset === undefined || nextOffset > point) return []
        return [{ topic, partition, folder, baseOffset, nextOffset }]
      })
    }),
  )
}
