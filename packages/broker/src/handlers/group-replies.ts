/** What the group handlers share: asking a group, and Kafka's names as numbers. */
import type { GroupEvent, GroupReply, RequestId } from '@millrace/coordinator'
import { type ErrorName, errorCode } from '@millrace/protocol'
import type { MaybePromise } from '@millrace/storage'
import type { KeptOffsets } from '../runtime/groups/group-shell.ts'
import type { RequestContext } from '../server/request-context.ts'
import type { Services } from '../services.ts'

type Kind = GroupReply['kind']
type ReplyOf<K extends Kind> = Extract<GroupReply, { kind: K }>
/** What a request is answered with, by the replies that a group may give. */
type Answers<K extends Kind, R> = { readonly [N in K]: (reply: ReplyOf<N>, cx: RequestContext) => R }
type EventOf = (request: RequestId, now: number, kept: KeptOffsets) => GroupEvent

interface Asker {
  readonly services: Services
  readonly cx: RequestContext
}

/**
 * Puts a request to the group and answers it by what the group replies. Hundreds of members are parked at a time while a group rebalances: each of them holds what
 * its answer needs and not its request, and is woken by one promise.
 */
export function answerByGroup<K extends Kind, R>(
  { services, cx }: Asker,
  groupId: string,
  eventOf: EventOf,
  answers: Answers<K, R>,
): MaybePromise<R> {
  const reply = services.groups.ask(groupId, eventOf)
  if (!(reply instanceof Promise)) return answerFor(reply, answers, cx)
  const { load } = services
  load.park(cx)
  return reply.then(late => {
    load.unpark(cx)
    return answerFor(late, answers, cx)
  })
}

function answerFor<K extends Kind, R>(reply: GroupReply, answers: Answers<K, R>, cx: RequestContext): R {
  const answer = (answers as Partial<Answers<Kind, R>>)[reply.kind] as Answers<Kind, R>[Kind] | undefined
  if (answer === undefined)
    throw new Error(`a group answered ${reply.kind} to what can be ${Object.keys(answers).join(' or ')}`)
  // The table pairs kinds with their own answers; TypeScript cannot follow the pairing through the look-up.
  return (answer as (reply: GroupReply, cx: RequestContext) => R)(reply, cx)
}

/** What became of a partition of the request. */
export type ErrorOf = (topic: string, partition: number) => ErrorName

/** A partition that the group does not speak of is well. */
export function errorsOf(
  partitions: readonly { readonly topic: string; readonly partition: number; readonly error: ErrorName }[],
): ErrorOf {
  const errors = new Map(partitions.map(p => [`${p.topic}:${p.partition}`, p.error]))
  return (topic, partition) => errors.get(`${topic}:${partition}`) ?? 'NONE'
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
