/** Options that every command takes, before or after its name. */
import { type Command, InvalidArgumentError, Option } from 'commander'
import type { OutputForm } from './output.ts'
import { parseDuration } from './units.ts'

export interface GlobalOptions {
  readonly brokers: string
  readonly output: OutputForm
  readonly quiet: boolean
  readonly timeout: number
}

export function addGlobalOptions(program: Command): void {
  program
    .addOption(
      new Option('-b, --brokers <host:port,…>', 'where the cluster is found; one that answers is enough')
        .env('MILLRACE_BROKERS')
        .default('localhost:9092'),
    )
    .addOption(new Option('--output <form>', 'what results look like').choices(['table', 'json']).default('table'))
    .option('-q, --quiet', 'say nothing beside results and errors', false)
    .addOption(
      new Option('--timeout <time>', 'how long one request to the cluster may take, retries included')
        .argParser(durationOption)
        .default(10_000, '10s'),
    )
}

/** `10s`, `1m30s`; a bare number is seconds. */
export function durationOption(text: string): number {
  const ms = /^\d{1,9}$/.test(text) ? Number(text) * 1000 : parseDuration(text)
  if (ms === undefined || ms < 1 || ms > 0x7fff_ffff) throw new InvalidArgumentError('Write 10s, 1m30s or 500ms.')
  return ms
}

export const wholeNumberOption =
  (min: number, max: number = Number.MAX_SAFE_INTEGER) =>
  (text: string): number => {
    const number = /^-?\d{1,16}$/.test(text) ? Number(text) : Number.NaN
    if (!Number.isSafeInteger(number) || number < min || number > max)
      throw new InvalidArgumentError(
        max === Number.MAX_SAFE_INTEGER
          ? `Write a whole number from ${min} on.`
          : `Write a whole number from ${min} to ${max}.`,
      )
    return number
  }

/** For options that may be given many times. */
export const collect = (value: string, earlier: readonly string[] = []): readonly string[] => [...earlier, value]
