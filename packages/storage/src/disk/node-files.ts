/** How the files of nodes that share a data folder are called: the first has Kafka's names, the others have their number behind them. */
import { CLEAN_MARKER, checkpointNames } from './data-folder.ts'

export const nodeSuffix = (nodeId: number): string => `.node${nodeId}`

/** What a node writes beside its partitions. */
export const nodeFileNames: readonly string[] = [CLEAN_MARKER, ...checkpointNames]

/** Always there for a node that has used the folder, so that it is known that it has. */
export const NODE_FILE = checkpointNames[0]

/** The node whose file it is; undefined for all others. */
export function nodeOfFile(name: string): number | undefined {
  const match = /^(.+)\.node(\d{1,10})$/.exec(name)
  return match !== null && nodeFileNames.includes(match[1]!) ? Number(match[2]) : undefined
}
