/**
 * How a cleaned segment takes its place, so that any end in between leaves either what was there or what is to be there. Kafka's steps and names:
 *
 *     42.log.cleaned  written, synced                                    start: removed
 *     42.log.swap     renamed, synced                                    start: finished
 *     42.log.deleted, 50.log.deleted   the old ones renamed, synced      start: finished
 *     42.log          renamed, synced; the old ones go after a while     start: nothing to do
 *
 * The swap file stands for the whole group of segments that it was made of: what lies within its offsets is its past.
 */
import type { FileSystem } from '../../file-system.ts'
import { HeaderWalk } from '../batch-scan.ts'
import type { DiskLog } from '../disk-log.ts'
import { CLEANED_SUFFIX, offsetOfFile, SWAP_SUFFIX, segmentSuffixes } from '../file-names.ts'
import type { LogServices } from '../log-services.ts'
import { LogFile } from '../open-files.ts'
import type { LogSegment } from '../segment.ts'

/** Puts the whole and synced `fresh` in the place of the segments that it was made of. False when one of them is gone; then its files are gone too. */
export async function swapIn(
  { fs }: LogServices,
  log: DiskLog,
  { old, fresh }: { readonly old: readonly LogSegment[]; readonly fresh: LogSegment },
): Promise<boolean> {
  return log.restructure(async () => {
    await fs.syncFolder(log.folder)
    const isWanted = log.fault === undefined && old.every(segment => log.segments.includes(segment))
    if (isWanted) {
      fresh.moveTo(SWAP_SUFFIX)
      await fs.syncFolder(log.folder)
    }
    if (isWanted && (await log.exchange(old, fresh))) return true
    if (log.fault === undefined) fresh.discard()
    return false
  })
}

/** Before a partition's folder is opened: finishes what was begun, and removes what was not. Answers the names that are there then. */
export async function finishSwaps({ fs, files }: LogServices, folder: string): Promise<readonly string[]> {
  const names = fs.list(folder)
  const cleaned = names.filter(name => name.endsWith(CLEANED_SUFFIX))
  const swaps = names.filter(name => name.endsWith(SWAP_SUFFIX))
  if (cleaned.length + swaps.length === 0) return names
  // The names of a segment change one by one, the log's first, and those of a group in falling order: one that is not changed yet holds back all above.
  const firstCleaned = Math.min(...cleaned.map(baseOf))
  const isWhole = (name: string): boolean => baseOf(name) < firstCleaned
  for (const name of [...swaps.filter(name => !isWhole(name)), ...cleaned]) fs.remove(`${folder}/${name}`)
  const whole = swaps.filter(isWhole)
  for (const name of whole.filter(name => name.endsWith(`.log${SWAP_SUFFIX}`))) {
    const end = endOfLog(fs, new LogFile(files, `${folder}/${name}`), baseOf(name))
    removePast(fs, folder, { from: baseOf(name), end })
  }
  await fs.syncFolder(folder)
  for (const name of whole) fs.rename(`${folder}/${name}`, `${folder}/${name.slice(0, -SWAP_SUFFIX.length)}`)
  await fs.syncFolder(folder)
  return fs.list(folder)
}

/** What an earlier cleaning could not take away. It must not be there when a swap begins: recovery would take it for a part of that. */
export function removeUnfinished(fs: FileSystem, folder: string): void {
  for (const name of fs.list(folder))
    if (name.endsWith(CLEANED_SUFFIX) || name.endsWith(SWAP_SUFFIX)) fs.remove(`${folder}/${name}`)
}

const baseOf = (name: string): number => {
  const offset = Number(name.slice(0, name.indexOf('.')))
  return Number.isSafeInteger(offset) ? offset : Number.POSITIVE_INFINITY
}

function endOfLog(fs: FileSystem, log: LogFile, baseOffset: number): number {
  const walk = new HeaderWalk(log, fs.stat(log.path)?.sizeBytes ?? 0)
  let end = baseOffset
  let position = 0
  for (let batch = walk.at(position); batch !== undefined; batch = walk.at(position)) {
    end = batch.lastOffset + 1
    position += batch.sizeInBytes
  }
  log.close()
  return end
}

/** What was known of producers where the segment begins is still so. */
function removePast(fs: FileSystem, folder: string, { from, end }: { from: number; end: number }): void {
  for (const name of fs.list(folder)) {
    for (const suffix of segmentSuffixes) {
      const offset = offsetOfFile(name, suffix)
      if (offset === undefined || offset < from || (offset > from && offset >= end)) continue
      if (suffix !== '.snapshot' || offset > from) fs.remove(`${folder}/${name}`)
    }
  }
}
