/**
 * Our client and others for Node, in turn, against one Millrace: each a process of its own. The others are installed into the bench's cache, never into the
 * project; one that cannot be had is left out, and the reason is said.
 */
import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { type Broker, freshFolder, removeFolder } from '../../../test/interop/broker.ts'
import { run } from '../../../test/interop/process.ts'
import { cacheFolder } from '../cache.ts'
import { load, sized } from '../load.ts'
import { more, type SidesMeasure, startMeasured, type Values } from '../measure.ts'
import { createTopic } from '../topics.ts'

const PARTITIONS = 6
const INSTALL_LIMIT_MS = 600_000
const RUN_LIMIT_MS = 60_000
const clientsFolder = resolve(import.meta.dirname, '../../clients')

interface Other {
  readonly side: string
  readonly file: string
  readonly packages: readonly string[]
}
const others: readonly Other[] = [
  { side: '@platformatic/kafka', file: 'platformatic', packages: ['@platformatic/kafka@2.12.1'] },
  { side: 'kafkajs', file: 'kafkajs', packages: ['kafkajs@2.2.4'] },
  { side: '@confluentinc/kafka-javascript', file: 'rdkafka', packages: ['@confluentinc/kafka-javascript@1.10.1'] },
]

/** Headers for a native module come with the project's own Node; librdkafka uses the libraries of the system instead of downloading its own. */
function installEnvironment(): Record<string, string> {
  const prefix = resolve(dirname(process.execPath), '..')
  const headers = existsSync(join(prefix, 'include/node/node_api.h')) ? { npm_config_nodedir: prefix } : {}
  return { ...headers, CKJS_LINKING: 'dynamic', PATH: `${dirname(process.execPath)}:${process.env.PATH ?? ''}` }
}

const installations = new Map<string, Promise<string | undefined>>()

/** Installs once a run; gives why it cannot be had, if so. */
function installed(other: Other): Promise<string | undefined> {
  let installation = installations.get(other.file)
  if (installation === undefined) installations.set(other.file, (installation = install(other)))
  return installation
}

const folderOf = ({ file }: Other): string => join(cacheFolder, 'clients', file)

async function install(other: Other): Promise<string | undefined> {
  const cwd = folderOf(other)
  mkdirSync(cwd, { recursive: true })
  writeFileSync(join(cwd, 'package.json'), '{ "private": true }\n')
  const args = ['install', '--no-audit', '--no-fund', '--loglevel=error', ...other.packages]
  const done = await run('npm', args, { cwd, env: installEnvironment(), limitMs: INSTALL_LIMIT_MS })
  const name = JSON.stringify(other.packages[0]!.replace(/@[^@]*$/, ''))
  const loaded = await run(process.execPath, ['-e', `require(${name})`], { cwd, limitMs: RUN_LIMIT_MS })
  if (done.code === 0 && loaded.code === 0) return undefined
  const why = (done.code === 0 ? loaded : done).stderr.trim().split('\n')
  return why.find(line => /error/i.test(line)) ?? why[0] ?? 'no reason was given'
}

interface Run {
  readonly direction: 'produce' | 'consume'
  readonly topic: string
  readonly recordSize: number
  readonly warmMs: number
  readonly forMs: number
}

async function measured(broker: Broker, file: string, packages: string, what: Run): Promise<number> {
  const { direction, topic, recordSize, warmMs, forMs } = what
  const args = [file, direction, broker.bootstrap, topic, String(recordSize), String(warmMs), String(forMs)]
  const done = await run(process.execPath, ['--conditions=source', join(clientsFolder, 'run.ts'), ...args], {
    env: { BENCH_PACKAGES: packages, NODE_NO_WARNINGS: '1' },
    limitMs: RUN_LIMIT_MS,
  })
  if (done.timedOut) throw new Error(`${direction}: not done after ${RUN_LIMIT_MS / 1000} s`)
  if (done.code !== 0) throw new Error(`${direction}: ${done.stderr.trim().split('\n').slice(0, 3).join(' ')}`)
  const { recordsPerS } = JSON.parse(done.stdout.trim().split('\n').at(-1)!) as { recordsPerS: number }
  return recordsPerS
}

const ofSize = (recordSize: number, filledMb: number): SidesMeasure => {
  const names = { produce: `client produces, ${recordSize} B`, consume: `client consumes, ${recordSize} B` }
  return {
    name: `clients-${recordSize}`,
    group: 'speed',
    sides: ['@millrace/client', ...others.map(({ side }) => side)],
    figures: {
      [names.produce]: { unit: 'records/s', goal: more(1.5) },
      [names.consume]: { unit: 'records/s', goal: more(1.5) },
    },
    async round(isQuick, say) {
      const folder = freshFolder('clients')
      const broker = await startMeasured('millrace', folder)
      try {
        await createTopic(broker, 'filled', PARTITIONS)
        await load('produce', broker, { topic: 'filled', 'record-size': recordSize, ...sized(isQuick, 0, filledMb) })
        const result: Record<string, Values> = {}
        const sides = [{ side: '@millrace/client', file: 'millrace', packages: [] }, ...others]
        for (const other of sides) {
          const missing = other.packages.length === 0 ? undefined : await installed(other)
          if (missing !== undefined) {
            say(`${other.side} cannot be had: ${missing}`)
            continue
          }
          const topic = `produced-by-${other.file}`
          await createTopic(broker, topic, PARTITIONS)
          const times = { recordSize, warmMs: isQuick ? 100 : 800, forMs: isQuick ? 300 : 1600 }
          const of = (what: Pick<Run, 'direction' | 'topic'>): Promise<number> =>
            measured(broker, other.file, folderOf(other), { ...what, ...times })
          try {
            result[other.side] = {
              [names.produce]: await of({ direction: 'produce', topic }),
              [names.consume]: await of({ direction: 'consume', topic: 'filled' }),
            }
          } catch (error) {
            say(`${other.side}: ${(error as Error).message}`)
          }
        }
        return result
      } finally {
        await broker.stop()
        removeFolder(folder)
      }
    },
  }
}

export const clients: readonly SidesMeasure[] = [ofSize(100, 800), ofSize(1000, 2000)]
