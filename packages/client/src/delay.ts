/**
 * Waiting. These timers keep the process alive, unlike the ones of the clock: whoever awaits a retry must not see the process end because
 * no socket happens to be open at the moment.
 */
export function delay(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason)
    const onAbort = (): void => {
      clearTimeout(timer)
      reject(signal?.reason)
    }
    const timer = setTimeout(() => {
      signal?.removeEventListener('abort', onAbort)
      resolve()
    }, ms)
    signal?.addEventListener('abort', onAbort, { once: true })
  })
}

/** The promise, or the abort reason, whichever comes first. The work behind the promise goes on. */
export function abortable<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return promise
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(signal.reason)
    const onAbort = (): void => reject(signal.reason)
    signal.addEventListener('abort', onAbort, { once: true })
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort))
  })
}

/** One waiter (or several) for "something changed"; a notification without a waiter is remembered. */
export class Wakeup {
  #waiting: (() => void) | undefined
  #promise: Promise<void> | undefined
  #pending = false

  notify(): void {
    this.#pending = true
    const wake = this.#waiting
    this.#waiting = undefined
    this.#promise = undefined
    wake?.()
  }

  /** Resolves on the next `notify`, at once if there was one since the last wait, or after `ms`. */
  async wait(ms: number, signal?: AbortSignal): Promise<void> {
    if (signal?.aborted) throw signal.reason
    if (this.#pending || ms <= 0) {
      this.#pending = false
      return
    }
    const changed = (this.#promise ??= new Promise(resolve => {
      this.#waiting = resolve
    }))
    let timer: ReturnType<typeof setTimeout> | undefined
    const timeout = new Promise<void>(resolve => {
      timer = setTimeout(resolve, Math.min(ms, 0x7fff_ffff))
    })
    try {
      await abortable(Promise.race([changed, timeout]), signal)
    } finally {
      clearTimeout(timer)
      this.#pending = false
    }
  }
}
