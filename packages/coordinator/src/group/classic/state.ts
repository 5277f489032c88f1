/**
 * Classic consumer group: what it remembers. SPEC.md numbers the states and their invariants.
 *
 *   Dead ──first join──► Empty ──join──► PreparingRebalance ──all joined, or deadline──► CompletingRebalance
 *     ▲                    ▲               │   ▲                                            │ leader's assignment is stored
 *     └─ deleted, expired ─┴─ nobody left ─┘   └──── join, leave, session or sync lapse ────┴──► Stable
 *
 * A group that does not exist is Dead: `absentGroup` gives it, and a step that ends in Dead means "forget it".
 * Liveness is not here: it lives in the timers, so that a heartbeat copies nothing.
 */
import type { SetView } from '../../versioned-set.ts'

export type MemberId = string
/** Names one parked request; unique for as long as the group may still answer it. */
export type RequestId = number

export type SessionTimer = `session:${MemberId}`

export const sessionTimerOf = (memberId: MemberId): SessionTimer => `session:${memberId}`

export interface Protocol {
  readonly name: string
  /** Opaque to the coordinator but for the subscribed topics. Never changed after it is handed over, nor part of a reused buffer. */
  readonly metadata: Uint8Array
}

export interface Member {
  readonly memberId: MemberId
  /** The name of its session's timer, made once: each heartbeat and each round sets the timer. */
  readonly sessionTimer: SessionTimer
  /** `group.instance.id` of a static member (KIP-345). */
  readonly instanceId: string | null
  readonly clientId: string
  readonly clientHost: string
  readonly rebalanceTimeoutMs: number
  readonly sessionTimeoutMs: number
  readonly protocols: readonly Protocol[]
  readonly assignment: Uint8Array
  /** Has not been through a whole join yet: it cannot heartbeat, so its wait has a limit of its own. */
  readonly isNew: boolean
}

export type Members = ReadonlyMap<MemberId, Member>
/** Members parked in a phase, each with the request that is answered when the phase ends. */
export type Waiting = ReadonlyMap<MemberId, RequestId>

interface Body {
  readonly groupId: string
  readonly generation: number
  /** Null in a group that nobody ever joined: one that only stores offsets. */
  readonly protocolType: string | null
  /** Null in Empty, and before the first generation. */
  readonly protocolName: string | null
  /** When the group came into its present state; -1 when an old record did not say. */
  readonly stateTimestampMs: number
  /** Topics of the current generation; undefined when unknown (another protocol type, or metadata that does not parse). */
  readonly subscribedTopics: ReadonlySet<string> | undefined
  /** Ids handed out with MEMBER_ID_REQUIRED and not used yet. */
  readonly pendingMembers: SetView<MemberId>
}

export interface Empty extends Body {
  readonly kind: 'Empty'
}

export interface PreparingRebalance extends Body {
  readonly kind: 'PreparingRebalance'
  readonly members: Members
  /** Null only while nobody is left and the join phase has not ended yet. */
  readonly leader: MemberId | null
  readonly joining: Waiting
  /** Set in the first round of an empty group, which waits for newcomers rather than for members. */
  readonly initial: InitialDelay | null
}

export interface InitialDelay {
  readonly delayMs: number
  readonly remainingMs: number
  readonly newMemberAdded: boolean
}

export interface CompletingRebalance extends Body {
  readonly kind: 'CompletingRebalance'
  readonly protocolType: string
  readonly protocolName: string
  readonly members: Members
  readonly leader: MemberId
  /** Whoever is not here when the sync timer ends is removed. */
  readonly syncing: Waiting
}

export interface Stable extends Body {
  readonly kind: 'Stable'
  readonly protocolType: string
  readonly protocolName: string
  readonly members: Members
  readonly leader: MemberId
  /** Members that have not asked for their assignment yet; they are removed when the sync timer ends. */
  readonly pendingSync: SetView<MemberId>
}

export interface Dead {
  readonly kind: 'Dead'
  readonly groupId: string
  /** True when the coordinator gave the group up while it lives on elsewhere; false when there is no such group. */
  readonly unloaded: boolean
}

export type GroupState = Empty | PreparingRebalance | CompletingRebalance | Stable | Dead
export type GroupStateKind = GroupState['kind']
/** The states in which a group has members. */
export type Populated = PreparingRebalance | CompletingRebalance | Stable
export type Living = Empty | Populated

const NO_MEMBERS: Members = new Map()
export const NO_WAITING: Waiting = new Map()
export const NO_IDS: SetView<MemberId> = new Set()
export const NO_BYTES: Uint8Array = new Uint8Array(0)

/** The state of a group that does not exist. */
export function absentGroup(groupId: string): Dead {
  return { kind: 'Dead', groupId, unloaded: false }
}

/** A group without members: a new one, or a simple group that only stores offsets and has no record of its own. */
export function emptyGroup(groupId: string, now: number): Empty {
  return {
    kind: 'Empty',
    groupId,
    generation: 0,
    protocolType: null,
    protocolName: null,
    stateTimestampMs: now,
    subscribedTopics: undefined,
    pendingMembers: NO_IDS,
  }
}

export function membersOf(state: GroupState): Members {
  return state.kind === 'Empty' || state.kind === 'Dead' ? NO_MEMBERS : state.members
}
