/**
 * Committed offsets of groups from the segments of `__consumer_offsets`: the last value of each key counts, a null value deletes it.
 *
 *   key     int16 type (0 and 1: an offset, 2: a group's members), then group, topic, partition
 *   value   int16 version, then the fields; null deletes
 *
 * Offsets that a transaction commits count once its marker says so.
 */
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import {
  int32,
  isControl,
  isTransactional,
  long,
  message,
  producerIdOf,
  Reader,
  readControlRecord,
  readRecords,
  string,
  uuid,
} from '@millrace/protocol'
import { offsetOfFile, type StoredOffset } from '@millrace/storage'
import { type ScannedBatch, scanSegment } from '../segments/scan-segment.ts'

const BATCH_BYTES_MAX = 256 * 1024 * 1024
const OFFSET_KEY_TYPE_MAX = 1

const OffsetCommitKey = message(Number.POSITIVE_INFINITY, { group: string(), topic: string(), partition: int32() })
const OffsetCommitValue = message(4, {
  offset: long(),
  leaderEpoch: int32().since(3).default(-1),
  metadata: string(),
  commitTimestamp: long(),
  expireTimestamp: long().since(1).until(1).default(-1),
  topicId: uuid().since(4).tag(0),
})

export interface GroupOffset {
  readonly groupId: string
  readonly offset: StoredOffset
}

type Change = { readonly key: string; readonly committed: GroupOffset | undefined }

export class CommittedOffsets {
  readonly #offsets = new Map<string, GroupOffset>()
  /** By producer id, until the marker. */
  readonly #pending = new Map<number, Change[]>()

  get all(): readonly GroupOffset[] {
    return [...this.#offsets.values()]
  }

  /** The folder of one partition of `__consumer_offsets`; a group is in one of them only. */
  addFolder(folder: string): void {
    this.#pending.clear()
    for (const name of readdirSync(folder).sort())
      if (offsetOfFile(name, '.log') !== undefined)
        for (const batch of scanSegment(join(folder, name))) this.#batch(batch)
  }

  #batch({ buffer, at }: ScannedBatch): void {
    const producerId = producerIdOf(buffer, at)
    if (isControl(buffer, at)) {
      const kind = readControlRecord(buffer, at)?.kind
      if (kind === 'commit') for (const change of this.#pending.get(producerId) ?? []) this.#apply(change)
      this.#pending.delete(producerId)
      return
    }
    for (const { key, value } of readRecords(buffer, at, { maxBytes: BATCH_BYTES_MAX })) {
      const change = key === null ? undefined : changeOf(key, value)
      if (change === undefined) continue
      if (isTransactional(buffer, at)) this.#pending.set(producerId, [...(this.#pending.get(producerId) ?? []), change])
      else this.#apply(change)
    }
  }

  #apply({ key, committed }: Change): void {
    if (committed === undefined) this.#offsets.delete(key)
    else this.#offsets.set(key, committed)
  }
}

function changeOf(keyBytes: Buffer, value: Buffer | null): Change | undefined {
  const type = keyBytes.length < 2 ? -1 : keyBytes.readInt16BE(0)
  if (type < 0 || type > OFFSET_KEY_TYPE_MAX) return undefined
  const { group, topic, partition } = OffsetCommitKey.decode(keyBytes, 0, 2)
  const key = `${group}\0${topic}\0${partition}`
  if (value === null) return { key, committed: undefined }
  const fields = OffsetCommitValue.read(new Reader(value, 2), value.readInt16BE(0))
  const offset: StoredOffset = {
    topic,
    partition,
    offset: fields.offset,
    leaderEpoch: fields.leaderEpoch,
    metadata: fields.metadata,
    commitTimestampMs: fields.commitTimestamp,
    expireTimestampMs: fields.expireTimestamp,
  }
  return { key, committed: { groupId: group, offset } }
}
