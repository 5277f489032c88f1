// The interop suite: real Kafka clients, each as its registry delivers it, against a broker started for them.
//   node run.ts [--against millrace|kafka] [--nodes N] [--only name,name] [--broker host:port] [--minutes N] [--keep] [--again]
// --again runs a client that failed once more, and says so: on a busy machine a client's own time-outs may pass before its group has settled.
// A name is a folder under clients/, or storage-exchange.
// Against Apache Kafka it shows that the tests are right, against Millrace that the broker is.

import { homedir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import {
  type Broker,
  freshFolder,
  installKafka,
  KINDS,
  type Kind,
  keepFolder,
  removeFolder,
  startBroker,
} from './broker.ts'
import { type ClientRun, clientNames, type Result, runClient } from './client.ts'
import { dumpLogs } from './dump-log.ts'
import { exchange, installExchange, routesOf } from './storage-exchange.ts'

const { values } = parseArgs({
  options: {
    against: { type: 'string', default: 'millrace' },
    nodes: { type: 'string', default: '1' },
    only: { type: 'string' },
    broker: { type: 'string' },
    minutes: { type: 'string', default: '25' },
    keep: { type: 'boolean', default: false },
    again: { type: 'boolean', default: false },
  },
})

const against = KINDS.find(kind => kind === values.against) ?? fail(`--against takes ${KINDS.join(' or ')}`)
const EXCHANGE = 'storage-exchange'
const isExchangeChosen = values.only?.split(',').includes(EXCHANGE) ?? true
const names = chosenNames(values.only)
const deadline = performance.now() + minutesOf(values.minutes) * 60_000
const env = { INTEROP_CACHE: process.env.INTEROP_CACHE ?? join(homedir(), '.cache/millrace-interop') }
process.env.INTEROP_CACHE = env.INTEROP_CACHE

const results = values.broker === undefined ? await againstOwn(against) : await runAll(values.broker, () => false)
report(results)
process.exit(results.some(result => result.outcome === 'failed') ? 1 : 0)

function fail(message: string): never {
  console.error(message)
  process.exit(2)
}

function minutesOf(text: string): number {
  const minutes = Number(text)
  return minutes > 0 && minutes <= 600 ? minutes : fail('--minutes takes a number from 1 to 600')
}

function chosenNames(only: string | undefined): string[] {
  const all = clientNames()
  if (only === undefined) return all
  const chosen = only.split(',').filter(name => name !== '' && name !== EXCHANGE)
  const unknown = chosen.find(name => !all.includes(name))
  return unknown === undefined ? chosen : fail(`no client "${unknown}"; there are ${[...all, EXCHANGE].join(', ')}`)
}

async function againstOwn(kind: Kind): Promise<Result[]> {
  const ofClients = names.length > 0 ? await againstOwnBroker(kind) : []
  return [...ofClients, ...(isExchangeChosen ? await exchanges(kind) : [])]
}

/** Starts a broker in a fresh folder, runs every client, stops it, and has kafka-dump-log read what it left on disk. */
async function againstOwnBroker(kind: Kind): Promise<Result[]> {
  const folder = freshFolder(kind)
  if (kind === 'kafka') await installKafka()
  let broker: Broker | undefined
  try {
    broker = await startBroker(kind, folder, {
      settings: kind === 'millrace' ? { 'millrace.nodes': values.nodes } : {},
    })
    console.log(`${kind} at ${broker.bootstrap}, data in ${broker.data}\n`)
    const { hasEnded } = broker
    const ran = await runAll(broker.bootstrap, hasEnded)
    if (ran.some(result => result.outcome === 'failed')) console.log(`--- broker's log\n${broker.logTail(60)}\n---`)
    await broker.stop()
    return [...ran, await dumpedLogs(broker.data)]
  } catch (error) {
    console.log((error as Error).message)
    return [{ client: kind, scenario: 'start', outcome: 'failed', detail: (error as Error).message.split('\n')[0]! }]
  } finally {
    await broker?.stop()
    if (values.keep) keepFolder(folder)
    else removeFolder(folder)
  }
}

async function runAll(bootstrap: string, hasBrokerEnded: () => boolean): Promise<Result[]> {
  const all: Result[] = []
  for (const client of names) {
    const leftMs = deadline - performance.now()
    if (leftMs <= 0 || hasBrokerEnded()) {
      const detail = leftMs <= 0 ? 'no time left' : 'the broker has ended'
      all.push({ client, scenario: 'run', outcome: 'failed', detail })
      continue
    }
    const ran = await runClient(client, bootstrap, env, leftMs)
    showClient(client, ran)
    all.push(...(values.again && hasFailed(ran) ? await runAgain(client, bootstrap) : ran.results))
  }
  return all
}

function hasFailed(ran: ClientRun): boolean {
  return ran.results.some(result => result.outcome === 'failed')
}

async function runAgain(client: string, bootstrap: string): Promise<Result[]> {
  const ran = await runClient(client, bootstrap, env, Math.max(0, deadline - performance.now()))
  showClient(client, ran)
  return ran.results.map(result => ({ ...result, detail: `${result.detail} (second run)`.trim() }))
}

function showClient(client: string, ran: ClientRun): void {
  const seconds = (ms: number) => `${(ms / 1000).toFixed(1)} s`
  console.log(`${client}: install ${seconds(ran.installMs)}, run ${seconds(ran.runMs)}`)
  if (hasFailed(ran)) console.log(`--- ${client}'s output\n${ran.output}\n---`)
}

async function dumpedLogs(data: string): Promise<Result> {
  try {
    await installKafka()
  } catch {
    return {
      client: 'kafka-dump-log',
      scenario: 'every-file',
      outcome: 'skipped',
      detail: 'Apache Kafka could not be installed',
    }
  }
  const dumped = await dumpLogs(data)
  const wrong = dumped.fileCount === 0 || dumped.complaints.length > 0
  const detail = dumped.complaints.slice(0, 5).join('; ') || `${dumped.fileCount} files, ${dumped.batchCount} batches`
  return { client: 'kafka-dump-log', scenario: 'every-file', outcome: wrong ? 'failed' : 'passed', detail }
}

async function exchanges(kind: Kind): Promise<Result[]> {
  const results: Result[] = []
  const add = (scenario: string, outcome: Result['outcome'], detail: string) =>
    results.push({ client: EXCHANGE, scenario, outcome, detail })
  try {
    await installExchange()
  } catch (error) {
    add('install', 'skipped', (error as Error).message)
    return results
  }
  for (const route of routesOf(kind)) {
    if (performance.now() > deadline) {
      add(route, 'failed', 'no time left')
      continue
    }
    try {
      add(route, 'passed', await exchange(route, values.keep))
    } catch (error) {
      const { message } = error as Error
      console.log(`--- ${EXCHANGE} ${route}\n${message}\n---`)
      add(route, 'failed', message.split('\n')[0]!)
    }
  }
  return results
}

function report(all: readonly Result[]): void {
  const clientWidth = Math.max(...all.map(result => result.client.length))
  const scenarioWidth = Math.max(...all.map(result => result.scenario.length))
  const word = { passed: 'ok', failed: 'NOT OK', skipped: 'not run' }
  console.log()
  for (const { client, scenario, outcome, detail } of all) {
    console.log(
      `${client.padEnd(clientWidth)}  ${scenario.padEnd(scenarioWidth)}  ${word[outcome].padEnd(7)}  ${detail}`.trimEnd(),
    )
  }
  const count = (outcome: Result['outcome']) => all.filter(result => result.outcome === outcome).length
  console.log(`\n${count('passed')} passed, ${count('failed')} failed, ${count('skipped')} skipped`)
}
