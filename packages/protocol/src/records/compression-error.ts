export type CompressionErrorCode = 'CORRUPT' | 'TOO_LARGE' | 'UNSUPPORTED'

/** Compressed bytes that cannot be used: CORRUPT, more than the caller allows (TOO_LARGE), or a form that is not read here. */
export class CompressionError extends Error {
  override readonly name = 'CompressionError'
  readonly code: CompressionErrorCode

  constructor(code: CompressionErrorCode, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause })
    this.code = code
  }
}

export const corrupt = (message: string): CompressionError => new CompressionError('CORRUPT', message)

export const tooLarge = (maxBytes: number): CompressionError =>
  new CompressionError('TOO_LARGE', `decompressed size exceeds the limit of ${maxBytes} bytes`)
