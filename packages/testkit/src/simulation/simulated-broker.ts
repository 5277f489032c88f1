/** The broker's process and the machine under it: starts, dies in every way there is, and comes back on the disk that its death left. */
import { createLogger, type Logger, type Random, seededRandom } from '@millrace/base'
import { type Broker, brokerConfigOf, startBroker } from '@millrace/broker'
import { openDiskEngine, type StorageEngine } from '@millrace/storage'
import { FaultFileSystem } from '../fault-file-system.ts'
import type { PlantedBug } from './planted-bug.ts'
import { openSimulatedCatalog } from './simulated-catalog.ts'
import type { SimulatedNetwork } from './simulated-network.ts'
import type { SimulatedTime } from './simulated-time.ts'

export type Death = 'kill' | 'powerCut' | 'stop'

export interface MachineOptions {
  readonly time: SimulatedTime
  readonly network: SimulatedNetwork
  readonly random: Random
  readonly catalogIsDurable: boolean
  readonly bug: PlantedBug | undefined
  readonly log: (line: string) => void
}

/** One process. */
interface Life {
  isOver: boolean
  broker: Broker | undefined
}

const SETTINGS = {
  listeners: 'PLAINTEXT://127.0.0.1:9092',
  'advertised.listeners': 'PLAINTEXT://127.0.0.1:9092',
  'auto.create.topics.enable': 'false',
  'group.initial.rebalance.delay.ms': '50',
  'group.min.session.timeout.ms': '1000',
  'log.dirs': '/data',
}
const ENGINE_SETTINGS = {
  retentionCheckMs: 2_000,
  retentionFirstCheckMs: 500,
  checkpointMs: 1_000,
  tailBytes: 64 * 1024,
}
const RESTART_MS = 200
/** A start that hangs longer than this is a finding of its own. */
const STOP_MS_MAX = 20_000

export class SimulatedMachine {
  disk = new FaultFileSystem()
  /** How long a call that waits for the device may take. */
  diskDelayMsMax = 3
  startCount = 0
  readonly #options: MachineOptions
  #life: Life = { isOver: true, broker: undefined }
  #onDeath: (() => void) | undefined

  constructor(options: MachineOptions) {
    this.#options = options
    // Made by whoever set the machine up, long ago.
    this.disk.makeFolder('/data')
    void this.disk.syncFolder('/')
  }

  get isUp(): boolean {
    return this.#life.broker !== undefined && !this.#life.isOver
  }

  get isAlive(): boolean {
    return !this.#life.isOver
  }

  start(): void {
    const life: Life = { isOver: false, broker: undefined }
    this.#life = life
    this.startCount++
    this.#prepareDisk(life)
    this.#boot(life).catch((error: unknown) => {
      if (life.isOver) return
      this.#options.log(`start failed: ${error instanceof Error ? error.message : String(error)}`)
      this.die('kill')
      this.#options.time.schedule(RESTART_MS, () => {
        if (!this.isAlive) this.start()
      })
    })
  }

  /** The process is gone at once. */
  die(death: 'kill' | 'powerCut'): void {
    const life = this.#life
    if (life.isOver && !this.disk.isDead) return
    life.isOver = true
    const { network, random, bug } = this.#options
    this.disk.onDeath = undefined
    network.processDied()
    this.disk =
      death === 'kill' ? this.disk.afterKill() : this.disk.afterPowerCut(seededRandom(random.integer(2 ** 32)))
    bug?.afterDeath?.(this.disk, random)
  }

  /** Dies within some steps of what it does to the disk; `after` hears of it. */
  dieWithin(steps: number, after: () => void): void {
    this.#onDeath = after
    this.disk.killAfter(steps)
  }

  /** A clean stop, if it comes to an end. */
  async stop(): Promise<void> {
    const life = this.#life
    const { broker } = life
    if (broker === undefined || life.isOver) return
    const { time } = this.#options
    const stopped = broker.stop().then(
      () => true,
      () => false,
    )
    const isClean = await Promise.race([stopped, time.sleep(STOP_MS_MAX).then(() => false)])
    if (life.isOver) return
    if (!isClean) this.#options.log('a stop did not come to its end in time, or failed')
    this.die('kill')
  }

  #prepareDisk(life: Life): void {
    const { time, random } = this.#options
    const { disk } = this
    disk.nowMs = time.nowMs + time.wallOffsetMs
    disk.delay = () => {
      const us = random.integer(Math.ceil(this.diskDelayMsMax * 1000) + 1)
      return us === 0 ? undefined : time.sleep(us / 1000)
    }
    disk.onDeath = () => {
      life.isOver = true
      this.#options.network.processDied()
      const after = this.#onDeath
      this.#onDeath = undefined
      if (after !== undefined) time.schedule(0, after)
    }
  }

  async #boot(life: Life): Promise<void> {
    const { time, network, random, bug, catalogIsDurable } = this.#options
    const clock = time.clockOf(life)
    const logger = this.#logger()
    const fs = bug?.fileSystem?.(this.disk, random) ?? this.disk
    const { disk } = this
    const engine = await openDiskEngine({
      dirs: ['/data'],
      catalog: () => openSimulatedCatalog(disk, { durable: catalogIsDurable, ...bug?.journal?.({ random, clock }) }),
      clock,
      logger,
      random,
      fs,
      settings: ENGINE_SETTINGS,
    })
    const planted: StorageEngine = bug?.engine?.(engine, { random, clock }) ?? engine
    const broker = await startBroker({
      config: brokerConfigOf(SETTINGS),
      engine: planted,
      logger,
      clock,
      random,
      transport: network.transportOf(life),
    })
    if (!life.isOver) life.broker = broker
  }

  #logger(): Logger {
    const { log } = this.#options
    return createLogger({ level: 'warn', format: 'json', write: line => log(textOf(line)) })
  }
}

/** Without its time, which is the machine's own. */
function textOf(line: string): string {
  const { time: _, ...rest } = JSON.parse(line) as Record<string, unknown>
  return JSON.stringify(rest)
}
