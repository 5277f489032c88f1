/** Which offset a question of ListOffsets means, in a log of segments. */
import { type LogRefusal, type MaybePromise, type OffsetFound, type OffsetQuery, StorageError } from '../engine.ts'
import { refusal } from './admission.ts'
import type { DiskLog } from './disk-log.ts'
import { withRepairs } from './index-repair.ts'
import type { LogServices } from './log-services.ts'
import { readableEnd } from './offset-range.ts'
import { type RecordTime, recordAtOrAfter, recordOfMaxTimestamp } from './record-time.ts'

/** Bounds are known at once, times have to be searched for. */
export function answerOffset(
  services: LogServices,
  log: DiskLog,
  query: OffsetQuery,
): MaybePromise<OffsetFound | LogRefusal> {
  switch (query.kind) {
    case 'earliest':
      return boundary(log, log.logStartOffset)
    case 'latest':
      return boundary(log, readableEnd(log, query.isolation))
    case 'max_timestamp':
      return searched(services, log, async () => found(log, await latestRecord(log), log.highWatermark))
    case 'timestamp':
      return searched(services, log, async () =>
        found(log, await recordSince(log, query.timestampMs), readableEnd(log, query.isolation)),
      )
    default:
      return query satisfies never
  }
}

const boundary = (log: DiskLog, offset: number): OffsetFound => ({
  kind: 'found',
  offset,
  timestampMs: -1,
  leaderEpoch: log.epochs.epochOf(offset),
})

async function searched(
  services: LogServices,
  log: DiskLog,
  search: () => Promise<OffsetFound>,
): Promise<OffsetFound | LogRefusal> {
  try {
    return await withRepairs(services, log, search)
  } catch (fault) {
    if (!(fault instanceof StorageError)) throw fault
    services.logger.error('search by time failed', { partition: log.name, reason: fault.message })
    return refusal('KAFKA_STORAGE_ERROR', `${log.name} cannot be searched by time: ${fault.message}`)
  }
}

async function recordSince(log: DiskLog, timestampMs: number): Promise<RecordTime | undefined> {
  for (const segment of [...log.segments]) {
    if (segment.maxTimestamp < timestampMs) continue
    let fromOffset = log.logStartOffset
    for (;;) {
      const batch = await segment.findByTime(timestampMs, fromOffset)
      if (batch === undefined) break
      const record = recordAtOrAfter(batch.batch, batch.records, { timestampMs, fromOffset: log.logStartOffset })
      if (record !== undefined) return record
      fromOffset = batch.batch.lastOffset + 1
    }
  }
  return undefined
}

async function latestRecord(log: DiskLog): Promise<RecordTime | undefined> {
  const newest = Math.max(...log.segments.map(segment => segment.maxTimestamp))
  const segment = log.segments.find(candidate => candidate.maxTimestamp === newest)
  if (newest < 0 || segment === undefined) return undefined
  const batch = await segment.findByTime(newest, log.logStartOffset)
  return batch === undefined ? undefined : recordOfMaxTimestamp(batch.batch, batch.records)
}

function found(log: DiskLog, record: RecordTime | undefined, end: number): OffsetFound {
  if (record === undefined || record.offset >= end)
    return { kind: 'found', offset: -1, timestampMs: -1, leaderEpoch: -1 }
  return { kind: 'found', ...record, leaderEpoch: log.epochs.epochOf(record.offset) }
}
