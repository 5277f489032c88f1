import type { MemberError } from './reply.ts'
import type { MemberId, Members } from './state.ts'

export function staticMemberId(members: Members, instanceId: string): MemberId | undefined {
  for (const member of members.values()) if (member.instanceId === instanceId) return member.memberId
  return undefined
}

/**
 * Why the pair names no member, if it does not. A static member must come with the id that its instance has now: whoever shows an
 * older one was replaced, and is fenced (KIP-345). The search for the instance is only made when the request is wrong.
 */
export function refuseMember(members: Members, memberId: MemberId, instanceId: string | null): MemberError | undefined {
  const member = members.get(memberId)
  if (instanceId === null) return member === undefined ? 'UNKNOWN_MEMBER_ID' : undefined
  if (member?.instanceId === instanceId) return undefined
  return staticMemberId(members, instanceId) === undefined ? 'UNKNOWN_MEMBER_ID' : 'FENCED_INSTANCE_ID'
}
