/** Cuts a stream of bytes into messages at a delimiter of any length. */
import { CliError } from '../shared/cli-error.ts'

export interface SplitOptions {
  readonly delimiter: Buffer
  readonly messageBytesMax: number
}

/** The messages between delimiters, as views of what was read. A last one without a delimiter counts unless it is empty. */
export async function* splitMessages(
  chunks: AsyncIterable<Buffer>,
  options: SplitOptions,
): AsyncGenerator<Buffer[], void, undefined> {
  const { delimiter, messageBytesMax } = options
  let rest: Buffer = Buffer.alloc(0)
  for await (const chunk of chunks) {
    const bytes: Buffer = rest.length === 0 ? chunk : Buffer.concat([rest, chunk])
    const messages: Buffer[] = []
    let from = 0
    // What was looked through before cannot hold a delimiter, but may hold the begin of one.
    let at = bytes.indexOf(delimiter, Math.max(0, rest.length - delimiter.length + 1))
    for (; at >= 0; at = bytes.indexOf(delimiter, from)) {
      messages.push(bytes.subarray(from, at))
      from = at + delimiter.length
    }
    rest = bytes.subarray(from)
    if (rest.length > messageBytesMax)
      throw new CliError(`a message is longer than ${messageBytesMax} bytes`, {
        hint: 'is the delimiter (-D) the right one?',
      })
    if (messages.length > 0) yield messages
  }
  if (rest.length > 0) yield [rest]
}
