/** What ends a command: one sentence, a hint if there is one, and the exit status (1 failed, 2 wrong usage). */
export class CliError extends Error {
  override readonly name = 'CliError'
  readonly hint: string | undefined
  readonly exitStatus: 1 | 2

  constructor(message: string, { hint, exitStatus = 1 }: { readonly hint?: string; readonly exitStatus?: 1 | 2 } = {}) {
    super(message)
    this.hint = hint
    this.exitStatus = exitStatus
  }
}

export const usageError = (message: string, hint?: string): CliError =>
  new CliError(message, { exitStatus: 2, ...(hint !== undefined && { hint }) })
