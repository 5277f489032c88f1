/** The settings that group rules depend on. Each is one of Kafka's broker configurations unless it says otherwise. */
export interface GroupConfig {
  /** `group.min.session.timeout.ms` */
  readonly sessionTimeoutMsMin: number
  /** `group.max.session.timeout.ms` */
  readonly sessionTimeoutMsMax: number
  /** `group.initial.rebalance.delay.ms` */
  readonly initialRebalanceDelayMs: number
  /** `group.max.size` */
  readonly groupSizeMax: number
  /** `offset.metadata.max.bytes`; like Kafka it counts UTF-16 units, not bytes. */
  readonly offsetMetadataLengthMax: number
  /** `offsets.retention.minutes` */
  readonly offsetsRetentionMs: number
  /** How long a newcomer may wait in its first join: it cannot heartbeat yet, so its session timeout does not apply. Fixed in Kafka. */
  readonly newMemberJoinTimeoutMs: number
  /** Member ids handed out and not yet used, per group. Kafka has no such limit, and so can be filled by a client that never joins. */
  readonly pendingMembersMax: number
}

export const DEFAULT_GROUP_CONFIG: GroupConfig = {
  sessionTimeoutMsMin: 6_000,
  sessionTimeoutMsMax: 1_800_000,
  initialRebalanceDelayMs: 3_000,
  groupSizeMax: 0x7fffffff,
  offsetMetadataLengthMax: 4_096,
  offsetsRetentionMs: 10_080 * 60_000,
  newMemberJoinTimeoutMs: 300_000,
  pendingMembersMax: 10_000,
}
