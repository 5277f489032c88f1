/** Names in a data folder, Kafka's. */

/** Twenty decimal digits of an offset, so that names sort as offsets do. */
const digitsOf = (offset: number): string => String(offset).padStart(20, '0')

export const segmentSuffixes = ['.log', '.index', '.timeindex', '.txnindex', '.snapshot'] as const
/** What a segment is made of; a snapshot is the log's, at the segment's begin. */
export const dataSuffixes = ['.log', '.index', '.timeindex', '.txnindex'] as const
export type SegmentSuffix = (typeof segmentSuffixes)[number]

export const DELETED_SUFFIX = '.deleted'
/** A segment that a cleaning writes; a crash leaves nothing that is needed. */
export const CLEANED_SUFFIX = '.cleaned'
/** Whole and on the device: a crash from here on ends with it in its place. */
export const SWAP_SUFFIX = '.swap'
export const LEADER_EPOCH_FILE = 'leader-epoch-checkpoint'
export const TRANSACTION_INDEXES_FILE = 'transaction-indexes'
/**
 * There from a sync that failed to the next start. It needs no sync of its own: it is about bytes that the page cache holds and the device does not, and goes
 * with them.
 */
export const SYNC_FAILED_FILE = 'sync-failed'
export const PARTITION_METADATA_FILE = 'partition.metadata'

export const segmentFile = (folder: string, baseOffset: number, suffix: SegmentSuffix): string =>
  `${folder}/${digitsOf(baseOffset)}${suffix}`

/** The offset in the name of a file with the suffix; undefined for every other name. */
export function offsetOfFile(name: string, suffix: SegmentSuffix): number | undefined {
  if (name.length !== 20 + suffix.length || !name.endsWith(suffix)) return undefined
  const digits = name.slice(0, 20)
  const offset = /^\d{20}$/.test(digits) ? Number(digits) : -1
  return offset >= 0 && Number.isSafeInteger(offset) ? offset : undefined
}

export const partitionFolder = (topic: string, partition: number): string => `${topic}-${partition}`

/** Topic and partition of a folder's name; undefined for folders that are not partitions, or on their way out. */
export function partitionOfFolder(name: string): { readonly topic: string; readonly partition: number } | undefined {
  const match = /^([a-zA-Z0-9._-]{1,249})-(\d{1,10})$/.exec(name)
  return match === null ? undefined : { topic: match[1]!, partition: Number(match[2]) }
}

const FOLDER_NAME_MAX = 255

/** What a folder is called while it waits: `<topic>-<partition>.<32 hex>-delete`, the topic cut where the name would be too long. */
export function waitingFolder(
  topic: string,
  partition: number,
  mark: { hex: string; kind: 'delete' | 'stray' },
): string {
  const rest = `-${partition}.${mark.hex}-${mark.kind}`
  return topic.slice(0, FOLDER_NAME_MAX - rest.length) + rest
}

export const isDeletedFolder = (name: string): boolean => /\.[0-9a-f]{32}-delete$/.test(name)
