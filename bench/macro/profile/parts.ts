/** Which part of the house a function of a profile belongs to: the one place that says so. The profiled broker runs from its sources, so a path says it. */
import type { Profiler } from 'node:inspector'

type Frame = Profiler.ProfileNode['callFrame']

const SOCKET = 'system: write to sockets'
/** Node's profiler calls it idle while libuv reads, so what it has of this part is known only from the CPU that is left. */
export const LOOP = 'system: read from sockets, event loop'
const FILE_WRITE = 'system: write to files'
const FILE_READ = 'system: read from files'
const COLLECTOR = 'collector'
const CHECKSUM = 'checksum'
const PROTOCOL = 'protocol: decode and encode'
const RUNTIME = "Node's sockets, streams, timers"
const REST = 'others'
/** Functions of the system have none; source without a file is the compiled decoders'. */
const NO_SCRIPT = '0'

/** The first that fits, from the most special on. */
const BY_PATH: readonly (readonly [path: string, part: string])[] = [
  ['protocol/src/records/crc32c', CHECKSUM],
  ['protocol/src/records/', 'record validation'],
  ['protocol/src/', PROTOCOL],
  ['storage/src/log/batch-', 'record validation'],
  ['storage/src/log/tail-cache', 'log: tail in memory'],
  ['storage/src/log/index-', 'log: indexes'],
  ['storage/src/log/offset-index', 'log: indexes'],
  ['storage/src/log/time-index', 'log: indexes'],
  ['storage/src/log/transaction-index', 'log: indexes'],
  ['storage/src/log/producer-', 'log: producers'],
  ['storage/src/log/active-producers', 'log: producers'],
  ['storage/src/log/admission', 'log: producers'],
  ['storage/src/log/log-reader', 'log: read'],
  ['storage/src/log/partition-reads', 'log: read'],
  ['storage/src/log/read-', 'log: read'],
  ['storage/src/log/offset-query', 'log: read'],
  ['storage/src/disk/node-file', 'log: files'],
  ['storage/src/catalog/', 'catalog'],
  ['storage/src/', 'log: append and the rest'],
  ['broker/src/server/', 'connection'],
  ['broker/src/metrics/', 'metrics, quotas'],
  ['broker/src/security/', 'metrics, quotas'],
  ['broker/src/handlers/produce', 'produce'],
  ['broker/src/handlers/fetch', 'fetch'],
  ['broker/src/runtime/fetch-sessions', 'fetch'],
  ['broker/src/runtime/purgatory', 'fetch'],
  ['broker/src/runtime/groups/', 'groups'],
  ['coordinator/', 'groups'],
  ['base/src/buffer-pool', 'buffers'],
]

/** Functions of the system that Node has no source for, under the module that calls them; readv serves both, so its caller decides. */
const SYSTEM: readonly (readonly [caller: RegExp, name: RegExp, part: string])[] = [
  [/^node:(internal\/)?fs/, /^write/, FILE_WRITE],
  [/^node:(internal\/)?fs/, /^(read|open|close|f?stat)/, FILE_READ],
  [/^node:(net|internal\/stream_base)/, /^(write|shutdown)/, SOCKET],
]

/** In the order in which a table has them before it is sorted. */
export const PARTS: readonly string[] = [
  ...new Set([SOCKET, LOOP, FILE_WRITE, FILE_READ, COLLECTOR, ...BY_PATH.map(([, part]) => part), RUNTIME, REST]),
]

/** `undefined` for the time in which nothing ran. `callers` are the frames above it, the nearest first. */
export function partOf(frame: Frame, callers: readonly Frame[]): string | undefined {
  switch (frame.functionName) {
    case '(idle)':
      return undefined
    case '(garbage collector)':
      return COLLECTOR
    case '(program)':
      return LOOP
  }
  if (frame.url === '') {
    const caller = callers[0]?.url ?? ''
    const system = SYSTEM.find(([module, name]) => module.test(caller) && name.test(frame.functionName))
    if (system !== undefined) return system[2]
    if (frame.scriptId !== NO_SCRIPT) return PROTOCOL
  }
  // what has no source of its own is counted where it is called from: builtins, buffers, compiled decoders
  for (const { url } of [frame, ...callers]) {
    const part = ofUrl(url)
    if (part !== undefined) return part
  }
  return REST
}

function ofUrl(url: string): string | undefined {
  if (url === '' || url === 'node:buffer' || url === 'node:internal/buffer') return undefined
  const path = url.split('/packages/')[1]
  if (path !== undefined) return BY_PATH.find(([start]) => path.startsWith(start))?.[1] ?? REST
  if (url.startsWith('node:')) return RUNTIME
  return url.includes('/crc32/') ? CHECKSUM : REST
}
