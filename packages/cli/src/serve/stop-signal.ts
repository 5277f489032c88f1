import { setTimeout } from 'node:timers/promises'
import type { Logger } from '@millrace/base'

/** Ctrl-C under `npm start` arrives twice, from the terminal and from npm, within a few milliseconds: that is one wish and not two. */
const ECHO_MS = 300

export interface StopSignal {
  readonly name: NodeJS.Signals
  /** When no echo can come any more. To end before is to be killed by it, now and then: on its way out Node gives its handlers up. */
  readonly echoed: Promise<void>
}

/** Resolves with the first SIGTERM or SIGINT. A later one ends the process at once: whoever sends it does not want to wait for the stop. */
export function stopSignal(logger: Logger): Promise<StopSignal> {
  return new Promise(resolve => {
    let firstMs: number | undefined
    const receive = (name: NodeJS.Signals): void => {
      const nowMs = performance.now()
      if (firstMs === undefined) {
        firstMs = nowMs
        resolve({ name, echoed: name === 'SIGINT' ? setTimeout(ECHO_MS) : Promise.resolve() })
      } else if (nowMs - firstMs > ECHO_MS) {
        logger.error(`${name} came again: ending at once, requests under way are not answered`)
        process.exit(1)
      }
    }
    process.on('SIGTERM', receive)
    process.on('SIGINT', receive)
  })
}
