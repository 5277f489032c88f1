/** Whatever can go wrong, one thing after the other. A seed leaves some of it out, so that what needs quiet is tried as well. */
import type { Random } from '@millrace/base'
import type { InjectedFault } from '../fault-file-system.ts'
import type { FaultLine } from '../history/event.ts'
import { flipOldBit } from './bit-flips.ts'
import type { SimulatedMachine } from './simulated-broker.ts'
import type { ClientWorld } from './simulated-client.ts'

const HOUR_MS = 3_600_000

export type Mischief =
  | 'kill'
  | 'killInWrite'
  | 'powerCut'
  | 'powerCutInWrite'
  | 'stop'
  | 'disk'
  | 'sync'
  | 'full'
  | 'slow'
  | 'clock'
  | 'network'
  | 'late'
  | 'flip'

const ALL: readonly Mischief[] = [
  'kill',
  'killInWrite',
  'powerCut',
  'powerCutInWrite',
  'stop',
  'disk',
  'sync',
  'full',
  'slow',
  'clock',
  'network',
  'late',
  'flip',
]

/** What fails, each as often as it is named. */
const FAULTY: readonly InjectedFault['operation'][] = [
  'write',
  'write',
  'sync',
  'sync',
  'open',
  'rename',
  'truncate',
  'read',
]

export class Nemesis {
  readonly #world: ClientWorld
  readonly #machine: SimulatedMachine
  readonly #random: Random
  readonly #repertoire: readonly Mischief[]

  constructor(world: ClientWorld, machine: SimulatedMachine, random: Random, repertoire?: readonly Mischief[]) {
    this.#world = world
    this.#machine = machine
    this.#random = random
    const chosen = ALL.filter(() => random.integer(3) > 0)
    this.#repertoire = repertoire ?? (chosen.length === 0 ? ['kill'] : chosen)
  }

  get cutsPower(): boolean {
    return this.#repertoire.some(mischief => mischief === 'powerCut' || mischief === 'powerCutInWrite')
  }

  async run(): Promise<void> {
    while (!this.#world.isEnding) {
      await this.#sleep(200 + this.#random.integer(2_000))
      if (this.#world.isEnding) return
      if (!this.#machine.isAlive) continue
      await this.#do(this.#repertoire[this.#random.integer(this.#repertoire.length)]!)
    }
  }

  /** Ends the process and brings it back. */
  async endAndStart(death: 'kill' | 'powerCut' | 'stop'): Promise<void> {
    if (death === 'stop') await this.#machine.stop()
    else this.#machine.die(death)
    this.#tell(death)
    await this.#sleep(this.#random.integer(500))
    this.start()
  }

  start(): void {
    if (this.#machine.isAlive) return
    this.#machine.start()
    this.#tell('start')
  }

  heal(): void {
    this.#machine.disk.heal()
    this.#machine.diskDelayMsMax = 3
    Object.assign(this.#world.network.weather, { latencyMsMax: 2, latePerMille: 5, lateMsMax: 300 })
  }

  async #do(mischief: Mischief): Promise<void> {
    switch (mischief) {
      case 'kill':
      case 'powerCut':
      case 'stop':
        return this.endAndStart(mischief)
      case 'killInWrite':
        return this.#endInWrite('kill')
      case 'powerCutInWrite':
        return this.#endInWrite('powerCut')
      case 'disk':
        return this.#whileDisk(this.#diskFault())
      case 'sync':
        return this.#whileDisk({ operation: 'sync', path: '.log', code: 'IO' })
      case 'full':
        return this.#fillDisk()
      case 'slow':
        this.#tell('disk', 'slow')
        this.#machine.diskDelayMsMax = 50 + this.#random.integer(600)
        await this.#sleep(this.#random.integer(2_000))
        return this.heal()
      case 'clock':
        this.#world.time.wallOffsetMs += (this.#random.integer(2_001) - 1_000) * (HOUR_MS / 100)
        return this.#tell('clock')
      case 'network':
        this.#tell('network', 'cut')
        return this.#world.network.cutSome(200 + this.#random.integer(800))
      case 'late':
        this.#tell('network', 'late')
        Object.assign(this.#world.network.weather, { latencyMsMax: 40, latePerMille: 200, lateMsMax: 2_500 })
        await this.#sleep(this.#random.integer(3_000))
        return this.heal()
      case 'flip':
        for (let count = 1 + this.#random.integer(3); count > 0; count--)
          flipOldBit(this.#world, this.#machine.disk, this.#random)
        return
      default:
        mischief satisfies never
    }
  }

  /** In the middle of something that it does to the disk. */
  async #endInWrite(death: 'kill' | 'powerCut'): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#machine.dieWithin(this.#random.integer(4_000), resolve)
    // An idle broker writes nothing: then it is killed all the same.
    await Promise.race([promise, this.#sleep(3_000)])
    await this.endAndStart(death)
  }

  #diskFault(): InjectedFault {
    const path = ['.log', '.index', 'catalog', 'checkpoint', '', '-0/', '.snapshot'][this.#random.integer(7)]!
    const operation = FAULTY[this.#random.integer(FAULTY.length)]!
    const code = this.#random.integer(2) === 0 ? 'IO' : 'DISK_FULL'
    const once = this.#random.integer(2) === 0 ? { times: 1 + this.#random.integer(3) } : {}
    const writtenBytes = operation === 'write' ? { writtenBytes: this.#random.integer(200) } : {}
    return { operation, path, code, ...once, ...writtenBytes }
  }

  async #whileDisk(fault: InjectedFault): Promise<void> {
    this.#tell('disk', `${fault.operation} ${fault.path} ${fault.code}`)
    this.#machine.disk.inject(fault)
    await this.#sleep(this.#random.integer(1_500))
    this.heal()
  }

  async #fillDisk(): Promise<void> {
    this.#tell('disk', 'full')
    const { disk } = this.#machine
    disk.capacityBytes = disk.usedBytes + this.#random.integer(3_000)
    await this.#sleep(this.#random.integer(1_500))
    this.heal()
  }

  #tell(fault: FaultLine['fault'], detail?: string): void {
    this.#world.record({ kind: 'fault', fault, ...(detail !== undefined && { detail }) })
  }

  #sleep(ms: number): Promise<void> {
    return this.#world.time.sleep(ms)
  }
}
