/** The checker is checked: steps with one bug each, made by spoiling an honest step. A simulation must find every one. */

export interface Stepped<State, Effect> {
  readonly state: State
  readonly effects: readonly Effect[]
}

type Step<State, Event, Config, Effect> = (state: State, event: Event, config: Config) => Stepped<State, Effect>

export interface PlantedBug<StepFunction> {
  readonly name: string
  /** What the simulation says when it finds the bug: one of the invariants of SPEC.md. */
  readonly breaks: RegExp
  readonly step: StepFunction
}

/** What an honest step did, and of what it was made. */
export interface Honest<State, Event, Effect> extends Stepped<State, Effect> {
  readonly before: State
  readonly event: Event
}

interface ReplyEffect<Reply> {
  readonly kind: 'reply'
  readonly reply: Reply
}

const isReply = <Effect extends { readonly kind: string }>(
  effect: Effect,
): effect is Extract<Effect, ReplyEffect<unknown>> => effect.kind === 'reply'

/** The ways to spoil the steps of one state machine. */
export function spoilers<State, Event, Config, Effect extends { readonly kind: string }>(
  step: Step<State, Event, Config, Effect>,
) {
  type Bug = PlantedBug<Step<State, Event, Config, Effect>>
  type Seen = Honest<State, Event, Effect>
  type Reply = Extract<Effect, ReplyEffect<unknown>>['reply']

  const bug = (name: string, breaks: RegExp, spoil: (honest: Seen) => Stepped<State, Effect>): Bug => ({
    name,
    breaks,
    step: (before, event, config) => spoil({ ...step(before, event, config), before, event }),
  })

  /** Spoils effects alone: `change` gives what is to be done in place of each. */
  const effectBug = (name: string, breaks: RegExp, change: (effect: Effect, honest: Seen) => readonly Effect[]): Bug =>
    bug(name, breaks, honest => ({
      state: honest.state,
      effects: honest.effects.flatMap(effect => change(effect, honest)),
    }))

  /** `change` gives another answer, or undefined for none. */
  const replyBug = (name: string, breaks: RegExp, change: (reply: Reply, honest: Seen) => Reply | undefined): Bug =>
    effectBug(name, breaks, (effect, honest) => {
      if (!isReply(effect)) return [effect]
      const reply = change(effect.reply, honest)
      return reply === undefined ? [] : [{ ...effect, reply }]
    })

  /** Steps the event, or the state, that a wrong check would have let through. */
  const misled = (
    name: string,
    breaks: RegExp,
    mislead: (state: State, event: Event) => readonly [State, Event],
  ): Bug => ({
    name,
    breaks,
    step: (state, event, config) => step(...mislead(state, event), config),
  })

  return { bug, effectBug, replyBug, misled }
}
