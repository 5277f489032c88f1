// Runs the scenarios of a JavaScript client: one line for each, and exit 0 only if all are ok.
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { isDeepStrictEqual } from 'node:util'

const SCENARIO_LIMIT_MS = 20_000
const SAMPLE_COUNT = 20

/** Loads a package from where the client's install.sh has put it. */
export const load = createRequire(join(process.env.INTEROP_PACKAGES, 'package.json'))

export class Failed extends Error {}

export function expect(what, actual, wanted) {
  if (!isDeepStrictEqual(actual, wanted))
    throw new Failed(`${what}: got ${shortened(actual)}, wanted ${shortened(wanted)}`)
}

function shortened(value) {
  const text = JSON.stringify(value, (_key, part) => (typeof part === 'bigint' ? `${part}n` : part)) ?? 'undefined'
  return text.length <= 200 ? text : `${text.slice(0, 200)}… (${text.length} characters)`
}

/** The error that `call` must end with. */
export async function errorOf(what, call) {
  let answer
  try {
    answer = await call()
  } catch (error) {
    return error
  }
  throw new Failed(`${what}: no error but ${shortened(answer)}`)
}

/** Asks until `condition` gives something true, and gives that back. */
export async function waitFor(what, condition, limitMs = 15_000) {
  const end = Date.now() + limitMs
  for (;;) {
    const answer = await condition()
    if (answer) return answer
    if (Date.now() > end) throw new Failed(`${what}: not within ${limitMs} ms`)
    await pause(20)
  }
}

/** Records with every kind of key, value and headers; `text` shows a record so that two can be compared. */
export function sampleRecords(name) {
  const bytes = Buffer.from(Array.from({ length: 256 }, (_, i) => i))
  const keys = [null, Buffer.alloc(0), Buffer.from('key'), Buffer.from('ключ'), Buffer.from([0, 255])]
  const values = [Buffer.from('value'), null, Buffer.alloc(0), bytes, Buffer.from(`${name} `.repeat(2000))]
  const headers = [
    [],
    [['trace', '1']],
    [
      ['empty', ''],
      ['ключ', 'значение'],
    ],
  ]
  return Array.from({ length: SAMPLE_COUNT }, (_, i) => ({
    key: keys[i % keys.length],
    value: values[i % values.length],
    headers: headers[i % headers.length],
    timestamp: 1_600_000_000_000 + i * 1000,
  }))
}

export function textOf({ key, value, headers, timestamp }) {
  const hex = bytes => bytes?.toString('base64') ?? null
  return JSON.stringify([
    hex(key),
    hex(value),
    headers.map(([name, text]) => [`${name}`, `${text}`]),
    Number(timestamp),
  ])
}

export const byPlace = (a, b) => a.partition - b.partition || a.offset - b.offset

/** Calls each of `scenarios` (name to function of bootstrap and prefix). */
export async function run(scenarios) {
  const [bootstrap, prefix] = process.argv.slice(2)
  // a client's error that nobody waits for must be seen in the scenario's line, not end the program
  let strayed
  process.on('unhandledRejection', error => {
    strayed ??= error
  })
  let allOk = true
  for (const [name, scenario] of Object.entries(scenarios)) {
    let line = `ok ${name}`
    const limit = pause(SCENARIO_LIMIT_MS, undefined, { ref: false }).then(() => {
      throw new Failed(`still running after ${SCENARIO_LIMIT_MS} ms`)
    })
    limit.catch(() => {})
    try {
      await Promise.race([scenario(bootstrap, prefix), limit])
      if (strayed) throw strayed
    } catch (error) {
      allOk = false
      console.error(error)
      const reason = error instanceof Failed ? error.message : `${error.name}: ${error.message}`
      line = `not ok ${name}: ${reason.replace(/\s+/g, ' ')}`
    }
    strayed = undefined
    console.log(line)
  }
  process.exit(allOk ? 0 : 1)
}
