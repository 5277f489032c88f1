import { usageError } from './cli-error.ts'

/** `name=value` words, as an object. The last of several of one name counts. */
export function parseAssignments(words: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    words.map(word => {
      const at = word.indexOf('=')
      if (at < 1) throw usageError(`'${word}' sets nothing`, 'write name=value, such as retention.ms=86400000')
      return [word.slice(0, at).trim(), word.slice(at + 1)]
    }),
  )
}
