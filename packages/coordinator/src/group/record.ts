/**
 * What a group leaves on disk: the fields of Kafka's GroupMetadataValue and OffsetCommitValue, so that they can be written in
 * Kafka's own format as well as in a database. Byte fields are never changed after they are handed over.
 */
export interface GroupRecord {
  readonly groupId: string
  /** Empty for a group that nobody has joined yet. */
  readonly protocolType: string
  readonly generation: number
  readonly protocolName: string | null
  readonly leader: string | null
  /** -1 when unknown: records older than version 2 do not have it. */
  readonly currentStateTimestampMs: number
  readonly members: readonly MemberRecord[]
}

export interface MemberRecord {
  readonly memberId: string
  readonly instanceId: string | null
  readonly clientId: string
  readonly clientHost: string
  /** -1 in records of version 0: the session timeout serves. */
  readonly rebalanceTimeoutMs: number
  readonly sessionTimeoutMs: number
  /** The member's metadata for the protocol that the group chose. */
  readonly subscription: Uint8Array
  readonly assignment: Uint8Array
}

export interface CommittedOffset {
  readonly offset: number
  /** -1 when the committer did not know it. */
  readonly leaderEpoch: number
  readonly metadata: string
  readonly commitTimestampMs: number
  /** -1 unless the committer asked for a retention of its own (OffsetCommit 2 to 4). */
  readonly expireTimestampMs: number
  /** Null when the committer named the topic by name alone. */
  readonly topicId: string | null
}

/** One change of a group's offsets: `committed` null deletes. */
export interface OffsetRecord {
  readonly topic: string
  readonly partition: number
  readonly committed: CommittedOffset | null
}
