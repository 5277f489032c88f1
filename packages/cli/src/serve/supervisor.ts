/**
 * The nodes of one process (`--nodes N`), each in a thread of its own. The supervisor has what outlives a node, the catalog and the locks of the data folders,
 * connects the nodes with each other, and starts a node again whose thread has died. Nothing that is produced or consumed passes through here.
 *
 *   starting ──ready──► running ──died──► (pause) ──► starting
 *       └── failed before all were ready once: the start fails          stop: all are asked, and awaited
 */
import { MessageChannel, Worker } from 'node:worker_threads'
import type { Logger } from '@millrace/base'
import { type BrokerConfig, type LoadOptions, nodeIdsOf, nodeSettings } from '@millrace/broker'
import { type AttachedNode, CatalogServer, type SharedFolders } from '@millrace/storage'
import { NodeFailed } from './node-failed.ts'
import type { FromNode, NodeStart, ToNode } from './node-messages.ts'
import { openShared } from './open-engine.ts'

export interface SupervisorOptions {
  readonly config: BrokerConfig
  /** Where `config` comes from: each node loads it once more, with its own number and ports. */
  readonly load: LoadOptions
  readonly isEphemeral: boolean
  readonly logger: Logger
}

export interface ReadyNode {
  readonly nodeId: number
  readonly ports: ReadonlyMap<string, number>
  readonly partitions: number
}

interface NodeThread {
  readonly nodeId: number
  readonly worker: Worker
  readonly attached: AttachedNode
  readonly startedMs: number
  ready: ReadyNode | undefined
  reason: string | undefined
}

const PAUSE_MS = 200
const PAUSE_MS_MAX = 5_000
/** A thread that lives so long was not one of a row of deaths. */
const SETTLED_MS = 10_000
/** So many deaths in a row are no accident. */
const DEATHS_MAX = 5

export class Supervisor {
  readonly clusterId: string
  readonly nodeIds: readonly number[]
  /** Rejects when a node cannot be kept alive. */
  readonly failed: Promise<never>
  readonly #options: SupervisorOptions
  readonly #shared: SharedFolders
  readonly #catalogs: CatalogServer
  readonly #threads = new Map<number, NodeThread>()
  /** How often each died, one soon after the other. */
  readonly #deaths = new Map<number, number>()
  readonly #fail: (error: Error) => void
  readonly #pauses = new Set<NodeJS.Timeout>()
  #changed = Promise.withResolvers<void>()
  #isStopping = false

  private constructor(options: SupervisorOptions, shared: SharedFolders) {
    this.#options = options
    this.#shared = shared
    this.#catalogs = new CatalogServer(shared.catalog)
    this.clusterId = shared.catalog.clusterId
    this.nodeIds = nodeIdsOf(options.config)
    const { promise, reject } = Promise.withResolvers<never>()
    promise.catch(() => {})
    this.failed = promise
    this.#fail = reject
  }

  /** Resolves when all nodes are ready. */
  static async start(options: SupervisorOptions): Promise<Supervisor> {
    const { config, logger, isEphemeral } = options
    const shared = await openShared(config, logger, { nodeIds: nodeIdsOf(config), isEphemeral })
    const supervisor = new Supervisor(options, shared)
    for (const nodeId of supervisor.nodeIds) supervisor.#startThread(nodeId)
    try {
      await Promise.race([supervisor.untilReady(), supervisor.failed])
    } catch (error) {
      await supervisor.stop()
      throw error
    }
    return supervisor
  }

  get ready(): readonly ReadyNode[] {
    return [...this.#threads.values()].flatMap(({ ready }) => ready ?? []).sort((a, b) => a.nodeId - b.nodeId)
  }

  /** Ends the node's thread at once, as a fault in it would. */
  async kill(nodeId: number): Promise<void> {
    await this.#threads.get(nodeId)?.worker.terminate()
  }

  /** Resolves when every node is there and ready. */
  async untilReady(): Promise<void> {
    while (this.ready.length < this.nodeIds.length) await this.#changed.promise
  }

  async stop(): Promise<void> {
    this.#isStopping = true
    for (const pause of this.#pauses) clearTimeout(pause)
    for (const { worker } of this.#threads.values()) post(worker, { kind: 'stop' })
    while (this.#threads.size > 0) await this.#changed.promise
    this.#shared.release()
  }

  #startThread(nodeId: number): void {
    const { config, load, isEphemeral } = this.#options
    const { port1, port2 } = new MessageChannel()
    const settings = nodeSettings(config, this.nodeIds.indexOf(nodeId))
    const start: NodeStart = {
      nodeId,
      nodeIds: this.nodeIds,
      load: { ...load, set: [...(load.set ?? []), ...settings] },
      isEphemeral,
      clusterId: this.clusterId,
      catalog: port2,
    }
    const worker = new Worker(threadModule(), { workerData: start, transferList: [port2], name: `node ${nodeId}` })
    const attached = this.#catalogs.attach(port1)
    const thread: NodeThread = {
      nodeId,
      worker,
      attached,
      startedMs: performance.now(),
      ready: undefined,
      reason: undefined,
    }
    for (const other of this.#threads.values()) connect(thread, other)
    this.#threads.set(nodeId, thread)
    worker.on('message', (message: FromNode) => this.#take(thread, message))
    worker.on('error', error => {
      thread.reason = error instanceof Error ? (error.stack ?? error.message) : String(error)
    })
    worker.once('exit', () => this.#ended(thread))
  }

  #take(thread: NodeThread, message: FromNode): void {
    if (message.kind === 'failed') thread.reason = message.reason
    else {
      const { ports, partitions } = message
      thread.ready = { nodeId: thread.nodeId, ports, partitions }
      this.#tellChanged()
    }
  }

  #ended(thread: NodeThread): void {
    const { nodeId, attached } = thread
    this.#threads.delete(nodeId)
    // What it wrote last is committed before the next one reads.
    setImmediate(() => attached.detach())
    for (const { worker } of this.#threads.values()) post(worker, { kind: 'gone', nodeId })
    if (!this.#isStopping) this.#restart(thread)
    this.#tellChanged()
  }

  #restart({ nodeId, startedMs, ready, reason = 'its thread ended' }: NodeThread): void {
    const isSettled = performance.now() - startedMs >= SETTLED_MS
    const deaths = isSettled ? 1 : (this.#deaths.get(nodeId) ?? 0) + 1
    this.#deaths.set(nodeId, deaths)
    const isFirst = ready === undefined && deaths === 1
    if (isFirst || deaths > DEATHS_MAX) return this.#fail(new NodeFailed(nodeId, reason))
    this.#options.logger.error('a node has died and is started again', { node: nodeId, reason })
    const pause = setTimeout(
      () => {
        this.#pauses.delete(pause)
        this.#startThread(nodeId)
      },
      Math.min(PAUSE_MS * 2 ** (deaths - 1), PAUSE_MS_MAX),
    )
    this.#pauses.add(pause)
  }

  #tellChanged(): void {
    this.#changed.resolve()
    this.#changed = Promise.withResolvers<void>()
  }
}

function connect(one: NodeThread, other: NodeThread): void {
  const { port1, port2 } = new MessageChannel()
  one.worker.postMessage({ kind: 'peer', nodeId: other.nodeId, port: port1 } satisfies ToNode, [port1])
  other.worker.postMessage({ kind: 'peer', nodeId: one.nodeId, port: port2 } satisfies ToNode, [port2])
}

const post = (worker: Worker, message: ToNode): void => worker.postMessage(message)

/** From source it lies beside this file; built, this file is in one of the chunks. */
function threadModule(): URL {
  if (import.meta.url.endsWith('.ts')) return new URL('./node-thread.ts', import.meta.url)
  return new URL(import.meta.url.includes('/chunks/') ? '../node-thread.js' : './node-thread.js', import.meta.url)
}
