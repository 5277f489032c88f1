/**
 * The topics that a group's consumers subscribe to, read out of metadata that is otherwise none of the coordinator's business:
 *
 *   version int16 │ topic count int32 │ { length int16, UTF-8 } … │ user data: length int32 (-1: null), bytes │ newer fields
 *
 * That is version 0 of ConsumerProtocolSubscription, with which every later version begins. The bytes come from clients and may
 * be anything: whatever does not parse makes the topics unknown.
 */
import { metadataFor } from './select-protocol.ts'
import type { Members } from './state.ts'

export const CONSUMER_PROTOCOL_TYPE = 'consumer'

const utf8 = new TextDecoder()

/** Undefined when the bytes are no subscription. */
export function subscriptionTopics(metadata: Uint8Array): readonly string[] | undefined {
  const view = new DataView(metadata.buffer, metadata.byteOffset, metadata.byteLength)
  if (view.byteLength < 6 || view.getInt16(0) < 0) return undefined
  const count = view.getInt32(2)
  let at = 6
  if (count < 0 || count > (view.byteLength - at) / 2) return undefined
  const topics: string[] = []
  for (let i = 0; i < count; i++) {
    if (view.byteLength - at < 2) return undefined
    const length = view.getInt16(at)
    at += 2
    if (length < 0 || length > view.byteLength - at) return undefined
    topics.push(utf8.decode(metadata.subarray(at, at + length)))
    at += length
  }
  if (view.byteLength - at < 4) return undefined
  return view.getInt32(at) > view.byteLength - at - 4 ? undefined : topics
}

/** Undefined when they cannot be known: another protocol type, or a member whose metadata does not parse. */
export function subscribedTopicsOf(
  protocolType: string | null,
  protocolName: string | null,
  members: Members,
): ReadonlySet<string> | undefined {
  if (protocolType !== CONSUMER_PROTOCOL_TYPE) return undefined
  const all = new Set<string>()
  if (members.size === 0) return all
  if (protocolName === null) return undefined
  for (const member of members.values()) {
    const topics = subscriptionTopics(metadataFor(member, protocolName))
    if (topics === undefined) return undefined
    for (const topic of topics) all.add(topic)
  }
  return all
}
