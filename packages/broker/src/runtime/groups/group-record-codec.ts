/** A group as the catalog keeps it: Kafka's own GroupMetadataValue with its version in front, so that what reads `__consumer_offsets` reads this. */
import type { GroupRecord } from '@millrace/coordinator'
import { GROUP_METADATA_VERSION_MAX, GroupMetadataValue, MalformedError, Reader, Writer } from '@millrace/protocol'

/** The newest version without flexible fields: what Kafka writes, and every tool reads. */
const WRITTEN_VERSION = 3

export function encodeGroupRecord(record: GroupRecord): Uint8Array {
  const w = new Writer()
  w.int16(WRITTEN_VERSION)
  const value = {
    protocolType: record.protocolType,
    generation: record.generation,
    protocol: record.protocolName,
    leader: record.leader,
    currentStateTimestamp: record.currentStateTimestampMs,
    members: record.members.map(m => ({
      memberId: m.memberId,
      groupInstanceId: m.instanceId,
      clientId: m.clientId,
      clientHost: m.clientHost,
      rebalanceTimeout: m.rebalanceTimeoutMs,
      sessionTimeout: m.sessionTimeoutMs,
      subscription: m.subscription,
      assignment: m.assignment,
    })),
  }
  GroupMetadataValue.write(w, value, WRITTEN_VERSION)
  return w.finish()
}

/** Throws `MalformedError`. */
export function decodeGroupRecord(groupId: string, bytes: Uint8Array): GroupRecord {
  const r = new Reader(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength))
  const version = r.int16()
  if (version < 0 || version > GROUP_METADATA_VERSION_MAX)
    throw new MalformedError(`group record of version ${version}`)
  const value = GroupMetadataValue.read(r, version)
  return {
    groupId,
    protocolType: value.protocolType,
    generation: value.generation,
    protocolName: value.protocol,
    leader: value.leader,
    currentStateTimestampMs: value.currentStateTimestamp,
    members: value.members.map(m => ({
      memberId: m.memberId,
      instanceId: m.groupInstanceId,
      clientId: m.clientId,
      clientHost: m.clientHost,
      rebalanceTimeoutMs: m.rebalanceTimeout,
      sessionTimeoutMs: m.sessionTimeout,
      subscription: m.subscription,
      assignment: m.assignment,
    })),
  }
}
