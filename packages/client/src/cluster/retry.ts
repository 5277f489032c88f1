import type { Random } from '@millrace/base'
import { systemRandom } from '@millrace/base'
import { delay } from '../delay.ts'
import { KafkaError } from '../errors.ts'

export interface Backoff {
  readonly retryBackoffMs: number
  readonly retryBackoffMaxMs: number
}

const JITTER = 0.2

/** Exponential: doubles with each attempt (the first is 0) up to the maximum, then 20 % more or less, as Kafka's clients do. */
export function backoffMs(
  { retryBackoffMs, retryBackoffMaxMs }: Backoff,
  attempt: number,
  random: Random = systemRandom,
): number {
  const plain = Math.min(retryBackoffMs * 2 ** Math.min(attempt, 30), retryBackoffMaxMs)
  return plain * (1 - JITTER + (2 * JITTER * random.integer(1001)) / 1000)
}

export interface RetryOptions extends Backoff {
  readonly timeoutMs: number
  readonly signal?: AbortSignal | undefined
  /** Called before each pause; may decide that an error is final by throwing. */
  readonly onRetry?: (error: KafkaError) => void
}

/** Runs `attempt` until it succeeds, fails for good, or the time is over; then the last error is thrown. */
export async function retrying<T>(options: RetryOptions, attempt: () => Promise<T>): Promise<T> {
  const deadline = performance.now() + options.timeoutMs
  for (let count = 0; ; count++) {
    options.signal?.throwIfAborted()
    try {
      return await attempt()
    } catch (error) {
      if (!(error instanceof KafkaError) || !error.retriable) throw error
      const pause = backoffMs(options, count)
      if (performance.now() + pause >= deadline) throw error
      options.onRetry?.(error)
      await delay(pause, options.signal)
    }
  }
}
