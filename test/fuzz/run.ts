/**
 * run.ts [--seconds 60] [--seed N] [--only decoders|broker]
 *
 * Half of the time goes to decoders in process, half to a live broker. The same seed makes the same inputs; against the broker their order also depends on
 * the machine. Found inputs are kept in corpus/, and the exit status is 1.
 */
import { parseArgs } from 'node:util'
import { seededRandom } from '@millrace/base'
import { BrokerTarget } from './broker-target.ts'
import { keep } from './corpus.ts'
import { type DecoderInput, decodeAll } from './decoders.ts'
import { brokenBatch, type EncodedMessage, loadVectors } from './inputs.ts'
import { mutate, pick } from './mutate.ts'

const WORKERS = 24
const FINDINGS_MAX = 20
/** Above what the process had when it began. */
const RSS_GROWTH_MAX = 1 << 30

const { values } = parseArgs({
  options: { seconds: { type: 'string', default: '60' }, seed: { type: 'string' }, only: { type: 'string' } },
})
const seconds = Number(values.seconds)
const seed = values.seed === undefined ? (Date.now() >>> 0) % 1_000_000_000 : Number(values.seed)
const megabytes = (bytes: number): string => `${Math.round(bytes / (1 << 20))} MiB`
let found = 0
let rssMax = 0

function report(input: Parameters<typeof keep>[0], symptom: string): void {
  found++
  console.error(`FOUND seed ${seed}, kept as corpus/${keep(input, symptom)}\n${symptom}\n`)
}

function nextInput(random: ReturnType<typeof seededRandom>, vectors: readonly EncodedMessage[]): DecoderInput {
  if (random.integer(3) === 0) return { target: 'records', bytes: brokenBatch(random) }
  const { message, version, bytes } = pick(random, vectors)
  return { target: 'message', message, version, bytes: mutate(bytes, random, pick(random, vectors).bytes) }
}

async function fuzzDecoders(vectors: readonly EncodedMessage[], untilMs: number): Promise<number> {
  const random = seededRandom(seed)
  let count = 0
  while (performance.now() < untilMs && found < FINDINGS_MAX) {
    const input = nextInput(random, vectors)
    count++
    try {
      decodeAll(input)
    } catch (error) {
      report(input, error instanceof Error ? (error.stack ?? error.message) : String(error))
    }
    if (count % 64 === 0) {
      rssMax = Math.max(rssMax, process.memoryUsage.rss())
      // a process that never turns its loop never gives back memory outside the heap
      await new Promise<void>(resolve => setImmediate(resolve))
    }
  }
  return count
}

async function fuzzBroker(vectors: readonly EncodedMessage[], untilMs: number): Promise<string> {
  const target = await BrokerTarget.start(vectors)
  const watch = setInterval(() => (rssMax = Math.max(rssMax, process.memoryUsage.rss())), 100)
  await target.run({ seed, workers: WORKERS, untilMs })
  clearInterval(watch)
  const rounds = target.healthyRoundsMs.toSorted((a, b) => a - b)
  await target.stop()
  for (const { symptom, frames } of target.findings) report({ target: 'broker', bytes: Buffer.concat(frames) }, symptom)
  const at = (share: number): string => `${(rounds[Math.floor(rounds.length * share)] ?? 0).toFixed(1)} ms`
  return `${target.framesSent} frames, ${target.answers} answered; healthy client: ${rounds.length} rounds, median ${at(0.5)}, 99 % ${at(0.99)}, longest ${at(0.99999)}`
}

console.log(`seed ${seed}, ${seconds} s`)
const vectors = loadVectors()
const rssBefore = process.memoryUsage.rss()
const decoderMs = values.only === 'broker' ? 0 : values.only === 'decoders' ? seconds * 1000 : seconds * 500
const startedMs = performance.now()
console.log(`decoders: ${await fuzzDecoders(vectors, startedMs + decoderMs)} inputs`)
if (values.only !== 'decoders') console.log(`broker: ${await fuzzBroker(vectors, startedMs + seconds * 1000)}`)
console.log(`resident: ${megabytes(rssBefore)} before, ${megabytes(rssMax)} at most`)
if (rssMax - rssBefore > RSS_GROWTH_MAX) {
  console.error(`FOUND seed ${seed}: memory grew by more than ${megabytes(RSS_GROWTH_MAX)}`)
  found++
}
process.exitCode = found > 0 ? 1 : 0
