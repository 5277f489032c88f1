/** A broken invariant: a bug in this program, never the fault of a user, a client or a disk. It is not caught and continued from. */
export class AssertionError extends Error {
  override readonly name = 'AssertionError'
}

/** States what must hold. A failure is a bug here, so the message is for the engineer who reads it. */
export function assert(condition: unknown, message: string): asserts condition {
  if (!condition) throw new AssertionError(message)
}

/** For the `default` of a switch that has covered every case. */
export function unreachable(value: never): never {
  throw new AssertionError(`unreachable: ${JSON.stringify(value)}`)
}
