/** Bytes that are not what the protocol says: the fault of whoever sent them. */
export class MalformedError extends Error {
  override readonly name = 'MalformedError'
}

/** A value that the asked version of a message cannot carry: the fault of whoever encodes it. */
export class UnsupportedVersionError extends Error {
  override readonly name = 'UnsupportedVersionError'
}
