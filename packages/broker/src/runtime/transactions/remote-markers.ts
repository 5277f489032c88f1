/** Markers for what other nodes lead and coordinate: one request a node. */
import type { TopicPartition, WriteMarkers } from '@millrace/coordinator'
import { type ErrorName, errorName, WriteTxnMarkers } from '@millrace/protocol'
import { askPeer, groupOfTopic, groupTopic, PeerGone, type Peers } from '../peers.ts'
import type { WrittenMarkers } from './marker-writer.ts'

const VERSION = 2

export interface RemoteOutcome {
  readonly place: TopicPartition
  readonly error: ErrorName
}

export interface RemoteOutcomes {
  readonly partitions: readonly RemoteOutcome[]
  readonly groups: readonly { readonly groupId: string; readonly error: ErrorName }[]
}

/** An error for each of them; `NOT_LEADER_OR_FOLLOWER` where the node did not answer. */
export async function writeRemoteMarkers(
  peers: Peers,
  nodeId: number,
  effect: WriteMarkers,
  wanted: WrittenMarkers,
): Promise<RemoteOutcomes> {
  const asked = [...wanted.partitions, ...wanted.groups.map(groupId => ({ topic: groupTopic(groupId), partition: 0 }))]
  const errors = await ask(peers, nodeId, effect, asked)
  const partitions: RemoteOutcome[] = []
  const groups: { groupId: string; error: ErrorName }[] = []
  for (const [i, place] of asked.entries()) {
    const error = errors[i] ?? 'NOT_LEADER_OR_FOLLOWER'
    const groupId = groupOfTopic(place.topic)
    if (groupId === undefined) partitions.push({ place, error })
    else groups.push({ groupId, error })
  }
  return { partitions, groups }
}

async function ask(
  peers: Peers,
  nodeId: number,
  effect: WriteMarkers,
  asked: readonly TopicPartition[],
): Promise<readonly ErrorName[]> {
  const { producerId, producerEpoch, coordinatorEpoch, committed, transactionVersion } = effect
  const topics = asked.map(({ topic, partition }) => ({ name: topic, partitionIndexes: [partition] }))
  const marker = {
    producerId,
    producerEpoch,
    coordinatorEpoch,
    transactionVersion,
    transactionResult: committed,
    topics,
  }
  try {
    const answer = await askPeer(peers, nodeId, { api: WriteTxnMarkers, version: VERSION }, { markers: [marker] })
    return (answer.markers[0]?.topics ?? []).map(({ partitions }) => errorName(partitions[0]?.errorCode ?? -1))
  } catch (error) {
    if (!(error instanceof PeerGone)) throw error
    return []
  }
}
