/** What a command works with: where the cluster is, where to write, and when to stop. */
import { type Logger, silentLogger } from '@millrace/base'
import type { ClientOptions } from '@millrace/client'
import type { Command } from 'commander'
import type { GlobalOptions } from './global-options.ts'
import { Output } from './output.ts'

export interface Session {
  readonly client: ClientOptions & { readonly apiTimeoutMs: number }
  readonly out: Output
  /** Aborts with Ctrl-C, SIGTERM, or when nobody reads stdout any more. */
  readonly signal: AbortSignal
}

const INTERRUPTED = 130

/**
 * Turns a command's work into commander's action: what it throws becomes one sentence and an exit status. A second Ctrl-C ends the process at once.
 */
export function action<Args extends unknown[]>(
  load: () => Promise<(session: Session, ...args: Args) => Promise<number | undefined | void>>,
): (...args: [...Args, Command]) => Promise<void> {
  return async (...all) => {
    const command = all.at(-1) as Command
    const args = all.slice(0, -1) as unknown as Args
    const interrupted = new AbortController()
    const session = sessionOf(command.optsWithGlobals<GlobalOptions>(), interrupted.signal)
    const stop = (): void => {
      if (interrupted.signal.aborted) process.exit(INTERRUPTED)
      interrupted.abort()
    }
    process.on('SIGINT', stop)
    process.on('SIGTERM', stop)
    try {
      const work = await load()
      const status = await work(session, ...args)
      if (typeof status === 'number') process.exitCode = status
    } catch (error) {
      if (session.out.closed.aborted) return
      // Loaded when it is needed: it knows the client's errors, and with them the whole client.
      const { explain } = await import('./explain.ts')
      process.exitCode = interrupted.signal.aborted ? INTERRUPTED : explain(error)
    } finally {
      process.off('SIGINT', stop)
      process.off('SIGTERM', stop)
    }
  }
}

function sessionOf({ brokers, output, quiet, timeout }: GlobalOptions, interrupted: AbortSignal): Session {
  const out = new Output(output, quiet)
  return {
    client: {
      bootstrap: brokers,
      clientId: 'millrace-cli',
      apiTimeoutMs: timeout,
      requestTimeoutMs: timeout,
      connectTimeoutMs: timeout,
      // Whoever types an address wants to know at once that nobody is there.
      bootstrapTimeoutMs: 0,
      logger: warningsTo(out),
    },
    out,
    signal: AbortSignal.any([interrupted, out.closed]),
  }
}

/** What the client goes on trying in vain is for people to know: the command itself says nothing until it gives up. */
function warningsTo(out: Output): Logger {
  const warn: Logger['warn'] = (message, fields) => {
    const { error } = fields ?? {}
    out.warn(error instanceof Error ? `${message}: ${error.message}` : message)
  }
  return { ...silentLogger, warn, error: warn }
}
