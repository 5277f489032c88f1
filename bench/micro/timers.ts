/**
 * Deadlines behind the timer wheel beside a timer of Node's for each: armed and cancelled in time, as nearly all of a broker's are (session time-outs, long
 * polls), with other deadlines waiting all the while.
 * By hand: node --conditions=source bench/micro/timers.ts
 */
import { systemClock, type Timer, TimerWheel } from '@millrace/base'
import { heading, measureCount } from './per-call.ts'

const COUNT = 1000
const HOUR_MS = 3_600_000
const nothing = (): void => {}

/** Spread, as the deadlines of different clients are: a list of Node's timers by delay would otherwise have one entry. */
const delayOf = (i: number): number => 500 + ((i * 7919) % 30_000)

console.log(heading)
for (const waiting of [0, 10_000, 100_000]) {
  const wheel = new TimerWheel(systemClock)
  for (let i = 0; i < waiting; i++) wheel.arm(HOUR_MS + delayOf(i), nothing)
  const armed: Timer[] = new Array(COUNT)
  measureCount(`the wheel, ${waiting} waiting: arm and cancel`, COUNT, () => {
    for (let i = 0; i < COUNT; i++) armed[i] = wheel.arm(delayOf(i), nothing)
    for (let i = 0; i < COUNT; i++) armed[i]!.cancel()
  })
  for (let i = 0; i < COUNT; i++) armed[i] = wheel.arm(HOUR_MS, nothing)
  measureCount(`the wheel, ${waiting} waiting: put off`, COUNT, () => {
    for (let i = 0; i < COUNT; i++) armed[i]!.rearm(HOUR_MS)
  })
  wheel.close()

  const others = Array.from({ length: waiting }, (_, i) => setTimeout(nothing, HOUR_MS + delayOf(i)))
  const timeouts: NodeJS.Timeout[] = new Array(COUNT)
  measureCount(`setTimeout, ${waiting} waiting: arm and cancel`, COUNT, () => {
    for (let i = 0; i < COUNT; i++) timeouts[i] = setTimeout(nothing, delayOf(i))
    for (let i = 0; i < COUNT; i++) clearTimeout(timeouts[i])
  })
  for (const timeout of others) clearTimeout(timeout)
}
