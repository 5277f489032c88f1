/** What the process costs, under the names that Prometheus clients use everywhere. */
import { readdir, readFile } from 'node:fs/promises'
import { type EventLoopUtilization, monitorEventLoopDelay, performance } from 'node:perf_hooks'
import type { Exposition } from './exposition.ts'

/** The sampling wakes the process that often and no more. */
const LAG_RESOLUTION_MS = 100

export class ProcessMetrics {
  readonly #delay = monitorEventLoopDelay({ resolution: LAG_RESOLUTION_MS })
  #utilization: EventLoopUtilization = performance.eventLoopUtilization()
  #fdsMax: number | undefined

  constructor() {
    this.#delay.enable()
  }

  close(): void {
    this.#delay.disable()
  }

  async write(to: Exposition): Promise<void> {
    const memory = process.memoryUsage()
    const cpu = process.cpuUsage()
    to.metric('process_resident_memory_bytes').sample(memory.rss)
    to.metric('process_cpu_seconds_total').sample((cpu.user + cpu.system) / 1e6)
    to.metric('process_cpu_user_seconds_total').sample(cpu.user / 1e6)
    to.metric('process_cpu_system_seconds_total').sample(cpu.system / 1e6)
    to.metric('process_start_time_seconds').sample(Math.round(performance.timeOrigin) / 1e3)
    const { open, max } = await this.#fds()
    if (open !== undefined) to.metric('process_open_fds').sample(open)
    if (max !== undefined) to.metric('process_max_fds').sample(max)
    to.metric('nodejs_heap_size_total_bytes').sample(memory.heapTotal)
    to.metric('nodejs_heap_size_used_bytes').sample(memory.heapUsed)
    to.metric('nodejs_external_memory_bytes').sample(memory.external)
    this.#writeLoop(to)
    to.metric('nodejs_version_info').sample(1, { version: process.version })
  }

  #writeLoop(to: Exposition): void {
    // The monitor measures whole delays between its wakes; the first may not have come yet.
    const lag = (nanoseconds: number) => Math.max(0, nanoseconds / 1e9 - LAG_RESOLUTION_MS / 1e3)
    const hasSamples = this.#delay.count > 0
    to.metric('nodejs_eventloop_lag_mean_seconds').sample(hasSamples ? lag(this.#delay.mean) : 0)
    to.metric('nodejs_eventloop_lag_p99_seconds').sample(hasSamples ? lag(this.#delay.percentile(99)) : 0)
    to.metric('nodejs_eventloop_lag_max_seconds').sample(hasSamples ? lag(this.#delay.max) : 0)
    this.#delay.reset()
    const now = performance.eventLoopUtilization()
    const { utilization } = performance.eventLoopUtilization(now, this.#utilization)
    this.#utilization = now
    to.metric('nodejs_eventloop_utilization').sample(utilization)
  }

  /** Only Linux tells; elsewhere the two are left out. */
  async #fds(): Promise<{ open?: number; max?: number }> {
    if (process.platform !== 'linux') return {}
    try {
      const open = (await readdir('/proc/self/fd')).length
      const limits = this.#fdsMax === undefined ? await readFile('/proc/self/limits', 'utf8') : ''
      this.#fdsMax ??= Number(/^Max open files\s+(\d+)/m.exec(limits)?.[1] ?? Number.POSITIVE_INFINITY)
      return { open, max: this.#fdsMax }
    } catch {
      return {}
    }
  }
}
