/** Each reader by itself: what it was given rises, leaves nothing out, and is below the high watermark that came with it. */
import type { Anomaly, Finding } from './anomaly.ts'
import type { ReadLine, SeekLine, SeenRecord } from './event.ts'
import { type HistoryIndex, isDamaged, isLossy, type Partition, partitionKey } from './history-index.ts'

export function checkReaders(index: HistoryIndex): Finding[] {
  return [...index.followed.values()].flatMap(lines => checkReader(index, lines))
}

function checkReader(index: HistoryIndex, lines: readonly (ReadLine | SeekLine)[]): Finding[] {
  const findings: Finding[] = []
  const { client, topic, partition } = lines[0]!
  const known = index.partitions.get(partitionKey(topic, partition))
  const tell = (anomaly: Anomaly, message: string): void => {
    findings.push({ anomaly, message: `${topic}-${partition}: ${client} ${message}` })
  }
  let next: number | undefined
  let era = 0
  for (const line of lines) {
    if (line.kind === 'seek') {
      next = line.position
      continue
    }
    // What a marker led it over before a power cut may be a record after it.
    const eraNow = index.eraOf(line.began)
    if (era !== eraNow && known !== undefined && isLossy(known.topic)) next = line.position
    era = eraNow
    next ??= line.position
    const { highWatermark, records } = line
    const last = records.at(-1)
    if (last !== undefined && highWatermark !== undefined && last[0] >= highWatermark)
      tell('above the high watermark', `was given ${last[1]} at ${last[0]}, with a high watermark of ${highWatermark}`)
    for (const [offset, value] of records) {
      if (offset < next) tell('backwards', `was given ${value} at ${offset}, and expected ${next} or above`)
      const skipped = offset > next ? firstBetween(index, known, line, [next, offset]) : undefined
      if (skipped !== undefined)
        tell('skipped', `was given ${value} at ${offset} and not ${skipped[1]} at ${skipped[0]}`)
      next = Math.max(next, offset + 1)
    }
  }
  return findings
}

/** A record that is there at the end was there all the time, unless a power cut made room for another. */
function firstBetween(
  index: HistoryIndex,
  partition: Partition | undefined,
  line: ReadLine,
  [from, to]: readonly [number, number],
): readonly [number, string] | undefined {
  if (partition?.final === undefined) return undefined
  const final = line.isolation === 'read_committed' ? partition.finalCommitted : partition.final
  if (isLossy(partition.topic) && index.eraOf(line.began) < index.powerCutCount) return undefined
  if (final === undefined) return undefined
  let at = firstAtOrAbove(final.records, from)
  while (at < final.records.length && isDamaged(partition, final.records[at]![0])) at++
  const found = final.records[at]
  return found !== undefined && found[0] < to ? found : undefined
}

/** By halving: readers of transactions step over a marker at every turn. */
function firstAtOrAbove(records: readonly SeenRecord[], offset: number): number {
  let low = 0
  let high = records.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if (records[middle]![0] < offset) low = middle + 1
    else high = middle
  }
  return low
}
