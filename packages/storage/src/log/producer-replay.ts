/** What a log makes known of producers up to a place in it: the newest whole snapshot that is not above it, and the batches between the two. */
import { readSmallFile } from '../file-system.ts'
import { takeIn } from './admission.ts'
import { scanBatches } from './batch-scan.ts'
import { segmentFile } from './file-names.ts'
import type { LogServices } from './log-services.ts'
import { decodeSnapshot } from './producer-snapshot.ts'
import { ProducerStates } from './producer-state.ts'
import type { LogSegment } from './segment.ts'

/** Up to where `segment` begins. */
export async function producersBefore(
  { fs }: Pick<LogServices, 'fs'>,
  log: { readonly folder: string; readonly segments: readonly LogSegment[] },
  segment: LogSegment,
): Promise<ProducerStates> {
  const before = log.segments.filter(other => other.baseOffset <= segment.baseOffset)
  for (const [i, from] of [...before.entries()].reverse()) {
    const bytes = readSmallFile(fs, segmentFile(log.folder, from.baseOffset, '.snapshot'))
    const states = bytes === undefined ? undefined : decodeSnapshot(bytes)
    if (states === undefined && i > 0) continue
    const producers = new ProducerStates()
    for (const state of states ?? []) producers.restore(state)
    for (const between of before.slice(i, -1)) await takeInAll(between, producers)
    return producers
  }
  return new ProducerStates()
}

async function takeInAll(segment: LogSegment, producers: ProducerStates): Promise<void> {
  const range = { from: 0, end: segment.sizeBytes, depth: 'headers' } as const
  await scanBatches(segment.log, range, (batch, records) => {
    takeIn(producers, batch, records)
    return true
  })
}
