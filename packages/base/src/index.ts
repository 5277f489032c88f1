export { AssertionError, assert, unreachable } from './assert.ts'
export {
  BufferPool,
  type BufferPoolLimits,
  freeBuffer,
  type Lease,
  letGo,
  PooledBlock,
  poisonReleasedBuffers,
} from './buffer-pool.ts'
export { type Clock, type Scheduled, systemClock } from './clock.ts'
export {
  createLogger,
  type LogFields,
  type Logger,
  type LoggerOptions,
  type LogLevel,
  silentLogger,
  standardErrorLogger,
  systemLogger,
} from './logger.ts'
export { type Random, seededRandom, systemRandom } from './random.ts'
export { type Timer, TimerWheel } from './timer-wheel.ts'
