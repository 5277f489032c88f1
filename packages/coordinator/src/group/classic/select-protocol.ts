import { assert } from '@millrace/base'
import { type Living, type Member, type Members, membersOf, type Protocol } from './state.ts'

function lists(member: Member, name: string): boolean {
  return member.protocols.some(protocol => protocol.name === name)
}

function isCommon(name: string, members: Members): boolean {
  for (const member of members.values()) if (!lists(member, name)) return false
  return true
}

/** Whether a member with this protocol type and these protocols could be part of the group as it is. */
export function supportsProtocols(state: Living, protocolType: string, protocols: readonly Protocol[]): boolean {
  if (state.kind === 'Empty') return protocolType !== '' && protocols.length > 0
  if (state.protocolType !== protocolType) return false
  const members = membersOf(state)
  const [anyone] = members.values()
  // Members have a protocol in common: who knows all that one of them knows, as is the rule, fits without a look at the others.
  if (anyone?.protocols.every(known => protocols.some(({ name }) => name === known.name))) return true
  return protocols.some(({ name }) => isCommon(name, members))
}

/** Every member votes for the first of its protocols that all members know. On equal votes the protocol that was named first wins. */
export function selectProtocol(members: Members): string {
  const votes = new Map<string, number>()
  const [first] = members.values()
  assert(first !== undefined, 'a protocol is chosen by members')
  const candidates = new Set(first.protocols.map(({ name }) => name).filter(name => isCommon(name, members)))
  for (const member of members.values()) {
    const vote = member.protocols.find(({ name }) => candidates.has(name))
    assert(vote !== undefined, 'members of a group have a protocol in common')
    votes.set(vote.name, (votes.get(vote.name) ?? 0) + 1)
  }
  let winner = ''
  for (const [name, count] of votes) if (count > (votes.get(winner) ?? 0)) winner = name
  return winner
}

export function metadataFor(member: Member, protocolName: string): Uint8Array {
  const protocol = member.protocols.find(({ name }) => name === protocolName)
  assert(protocol !== undefined, 'a member knows the protocol that its group chose')
  return protocol.metadata
}

/** Whether the member would join again with the same names and metadata in the same order. */
export function sameProtocols(a: readonly Protocol[], b: readonly Protocol[]): boolean {
  return (
    a.length === b.length &&
    a.every((protocol, i) => protocol.name === b[i]!.name && sameBytes(protocol.metadata, b[i]!.metadata))
  )
}

function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  if (a === b) return true
  if (a.length !== b.length) return false
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false
  return true
}
