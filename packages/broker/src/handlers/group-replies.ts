/** What the group handlers share: asking a group, and Kafka's names as numbers. */
import type { GroupEvent, GroupReply, RequestId } from '@millrace/coordinator'
import { type ErrorName, errorCode } from '@millrace/protocol'
import type { KeptOffsets } from '../runtime/groups/group-shell.ts'
import type { RequestContext } from '../server/request-context.ts'
import type { Services } from '../services.ts'

type Kind = GroupReply['kind']

/** Puts a request to the group and waits for one of the replies that answer it. */
export async function askGroup<K extends Kind>(
  { services, cx }: { readonly services: Services; readonly cx: RequestContext },
  groupId: string,
  eventOf: (request: RequestId, now: number, kept: KeptOffsets) => GroupEvent,
  ...kinds: readonly K[]
): Promise<Extract<GroupReply, { kind: K }>> {
  const reply = await services.load.whileParked(cx, services.groups.ask(groupId, eventOf))
  if (!(kinds as readonly Kind[]).includes(reply.kind))
    throw new Error(`a group answered ${reply.kind} to what can be ${kinds.join(' or ')}`)
  return reply as Extract<GroupReply, { kind: K }>
}

export const codeOf = (error: ErrorName | 'NONE'): number => errorCode(error)

/** For who may not, and for who is at the wrong node. */
export function refuseGroup(
  { coordinators }: Services,
  cx: RequestContext,
  operation: 'READ' | 'DELETE' | 'DESCRIBE',
  groupId: string,
): ErrorName | undefined {
  if (!cx.mayDo(operation, 'GROUP', groupId)) return 'GROUP_AUTHORIZATION_FAILED'
  return coordinators.isOwn(groupId) ? undefined : 'NOT_COORDINATOR'
}

/** Byte fields of the coordinator as the protocol writes them: the same memory. */
export const bufferOf = (bytes: Uint8Array): Buffer => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)

/** A copy: what a group keeps must not hold on to the frame it came in. */
export const kept = (view: Buffer): Uint8Array => new Uint8Array(view)
