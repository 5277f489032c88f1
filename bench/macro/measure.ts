import { readFileSync } from 'node:fs'
import {
  type Broker,
  type BrokerOptions,
  freshFolder,
  type Kind,
  removeFolder,
  startBroker,
} from '../../test/interop/broker.ts'

export type Goal =
  | { readonly ratio: number; readonly better: 'more' | 'less' }
  | { readonly atMost: number }
  /** How many times as much as the figure that it is weighed against, on our own side. */
  | { readonly growth: number }
  /** Shown beside the others, without a goal of its own. */
  | undefined

export interface FigureKind {
  readonly unit: string
  readonly goal?: Goal
  /** The figure of the same measure that it has grown from. */
  readonly since?: string
}

/** Figures of one measure, by their names. */
export type Values = Readonly<Record<string, number>>

interface Named {
  readonly name: string
  /** Measures of one purpose: `--only` takes it like a name. */
  readonly group: string
  readonly figures: Readonly<Record<string, FigureKind>>
}

/** Shares its broker with the other measures of its session, in the order of the list. */
export interface SharedMeasure extends Named {
  readonly session: string
  on(broker: Broker, isQuick: boolean): Promise<Values>
}

/** Starts brokers of its own, and leaves nothing behind. */
export interface OwnMeasure extends Named {
  of(kind: Kind, isQuick: boolean): Promise<Values>
}

/** Compares others than the two brokers; the first of its sides is ours, and is held against the best of the others. */
export interface SidesMeasure extends Named {
  readonly sides: readonly string[]
  /** Sides that cannot be had are left out, and `say` is told why. */
  round(isQuick: boolean, say: (note: string) => void): Promise<Readonly<Record<string, Values>>>
}

/** One figure of one broker, the simplest kind. `wanted` is a ratio (`≥ 1.5 ×`, `≤ 0.1 ×`) or a limit (`≤ 90 MB`). */
export interface Measure {
  readonly name: string
  readonly unit: string
  readonly wanted: string
  run(kind: Kind): Promise<number>
}

/** A measure that cannot be taken on this machine, with the reason. */
export class Missing extends Error {}

export const more = (ratio: number): Goal => ({ ratio, better: 'more' })
export const less = (ratio: number): Goal => ({ ratio, better: 'less' })
export const atMost = (limit: number): Goal => ({ atMost: limit })
export const grown = (atMostTimes: number): Goal => ({ growth: atMostTimes })

export function oneFigure(group: string, measure: Measure): OwnMeasure {
  const { name, unit, wanted } = measure
  const number = Number(/[0-9.]+/.exec(wanted)?.[0])
  const goal = !wanted.includes('×') ? atMost(number) : wanted.startsWith('≥') ? more(number) : less(number)
  return { name, group, figures: { [name]: { unit, goal } }, of: async kind => ({ [name]: await measure.run(kind) }) }
}

/** Other brokers of the machine may have Millrace's usual port for metrics. */
const OWN_SETTINGS: Readonly<Record<Kind, Readonly<Record<string, string>>>> = {
  millrace: { 'millrace.admin.listener': '127.0.0.1:0' },
  kafka: {},
}

export function startMeasured(kind: Kind, folder: string, options: BrokerOptions = {}): Promise<Broker> {
  return startBroker(kind, folder, { ...options, settings: { ...OWN_SETTINGS[kind], ...options.settings } })
}

/** Lets `use` have a broker in a fresh folder, which is thrown away: nobody waits for a clean stop. */
export async function withBroker<T>(
  kind: Kind,
  use: (broker: Broker) => Promise<T>,
  options: BrokerOptions = {},
): Promise<T> {
  const folder = freshFolder(kind)
  try {
    const broker = await startMeasured(kind, folder, options)
    try {
      return await use(broker)
    } finally {
      await killed(broker)
    }
  } finally {
    removeFolder(folder)
  }
}

export async function killed(broker: Broker): Promise<void> {
  if (!broker.hasEnded()) process.kill(broker.pid, 'SIGKILL')
  await broker.stop()
}

export const pause = (ms: number): Promise<void> => new Promise(resolve => setTimeout(resolve, ms))

/** Resident memory of a process in MB, as the system counts it. */
export function residentMb(pid: number): number {
  const kib = /VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]
  return (Number(kib) * 1024) / 1e6
}

const TICKS_PER_SECOND = 100

/** CPU seconds that a process has used, user and system. */
export function cpuSeconds(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2
}
