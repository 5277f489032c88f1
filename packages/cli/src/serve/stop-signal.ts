import type { Logger } from '@millrace/base'

/** Resolves with the first SIGTERM or SIGINT. Another one ends the process at once: whoever sends it does not want to wait for the stop. */
export function stopSignal(logger: Logger): Promise<string> {
  return new Promise(resolve => {
    let isStopping = false
    const receive = (name: NodeJS.Signals): void => {
      if (isStopping) {
        logger.error(`${name} came again: ending at once, requests under way are not answered`)
        process.exit(1)
      }
      isStopping = true
      resolve(name)
    }
    process.on('SIGTERM', receive)
    process.on('SIGINT', receive)
  })
}
