import type { ErrorName } from '@millrace/protocol'
import type { PartitionLog } from '@millrace/storage'

/** KIP-320: a client that names a leader epoch (-1: none) is told when its metadata is older or newer than this leader. */
export function checkLeaderEpoch(partition: PartitionLog, currentLeaderEpoch: number): ErrorName | undefined {
  if (currentLeaderEpoch === -1 || currentLeaderEpoch === partition.leaderEpoch) return undefined
  return currentLeaderEpoch < partition.leaderEpoch ? 'FENCED_LEADER_EPOCH' : 'UNKNOWN_LEADER_EPOCH'
}
