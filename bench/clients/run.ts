/**
 * One client, one direction, in a process of its own: `run.ts CLIENT produce|consume BOOTSTRAP TOPIC RECORD_SIZE WARM_MS FOR_MS`.
 * Prints one line of JSON: records a second, and CPU seconds a million records.
 */
import { randomBytes } from 'node:crypto'
import type { MeasuredClient } from './client.ts'

const [name, direction, bootstrap, topic, recordSize, warmMs, forMs] = process.argv.slice(2) as [
  string,
  string,
  string,
  string,
  string,
  string,
  string,
]
const LOT_BYTES = 6 * 65_536
const SILENCE_MS = 1000
const { client } = (await import(`./${name}.ts`)) as { readonly client: MeasuredClient }

function cpuSeconds(): number {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1e6
}

function report(count: number, seconds: number, cpu: number): void {
  console.log(JSON.stringify({ recordsPerS: count / seconds, cpuSecondsPerMillion: (cpu / count) * 1e6 }))
}

async function produced(ms: number): Promise<number> {
  const value = randomBytes(Number(recordSize))
  const end = performance.now() + ms
  // the clock is looked at once in a while: it costs as much as a record
  let calls = 0
  const isOver = (): boolean => ++calls % 16 === 0 && performance.now() > end
  return client.produce({ bootstrap, topic, value, lot: Math.floor(LOT_BYTES / value.length), isOver })
}

if (direction === 'produce') {
  await produced(Number(warmMs))
  const begun = performance.now()
  const cpu = cpuSeconds()
  const count = await produced(Number(forMs))
  report(count, (performance.now() - begun) / 1000, cpuSeconds() - cpu)
} else {
  const counted = { first: 0, begun: 0, cpu: 0, count: 0, last: 0 }
  const onRecords = (count: number): boolean => {
    const now = performance.now()
    if (counted.first === 0 && count > 0) counted.first = now
    if (counted.first === 0) return true
    if (counted.begun === 0) {
      if (now - counted.first < Number(warmMs)) return true
      counted.begun = now
      counted.cpu = cpuSeconds()
      return true
    }
    counted.count += count
    counted.last = now
    return now - counted.begun < Number(forMs)
  }
  // who is faster than the topic is long has read all of it, and would wait for more
  const watch = setInterval(() => {
    if (counted.last > 0 && performance.now() - counted.last > SILENCE_MS) finish()
  }, 100)
  const finish = (): never => {
    clearInterval(watch)
    report(counted.count, (counted.last - counted.begun) / 1000, cpuSeconds() - counted.cpu)
    process.exit(0)
  }
  await client.consume({ bootstrap, topic, groupId: `bench-${process.pid}-${Date.now()}`, onRecords })
  finish()
}
process.exit(0)
