/** Errors in words: one sentence and, where there is one, a hint. Answers the exit status. */
import { styleText } from 'node:util'
import { KafkaError } from '@millrace/client'
import { CliError } from './cli-error.ts'

interface Explanation {
  readonly sentence: string
  readonly hint?: string | undefined
  readonly status: number
}

export function explain(error: unknown): number {
  const { sentence, hint, status } = explanationOf(error)
  const name = process.stderr.isTTY ? styleText('red', 'error', { stream: process.stderr }) : 'error'
  process.stderr.write(`${name}: ${sentence}\n${hint === undefined ? '' : `hint: ${hint}\n`}`)
  return status
}

function explanationOf(error: unknown): Explanation {
  if (error instanceof CliError) return { sentence: error.message, hint: error.hint, status: error.exitStatus }
  if (error instanceof KafkaError) {
    // A wrong address or option is the caller's, everything else the cluster's.
    const status = error.code === 'INVALID_ARGUMENT' ? 2 : 1
    return { sentence: error.message, hint: hintFor(error), status }
  }
  if (isFileFault(error)) return { sentence: fileSentence(error), status: 1 }
  if (error instanceof Error && 'code' in error && /^[A-Z_]+$/.test(String(error.code)))
    return { sentence: error.message, status: 1 }
  return {
    sentence: `this is a bug: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`,
    status: 1,
  }
}

function hintFor(error: KafkaError): string | undefined {
  switch (error.code) {
    case 'UNREACHABLE':
      return "'millrace serve' starts a broker; --brokers or MILLRACE_BROKERS says where another one is"
    case 'UNKNOWN_TOPIC_OR_PARTITION':
      return "'millrace topic list' shows what there is"
    case 'GROUP_ID_NOT_FOUND':
      return "'millrace group list' shows what there is"
    case 'NON_EMPTY_GROUP':
      return 'stop its members first'
    case 'MESSAGE_TOO_LARGE':
      return 'raise max.message.bytes of the topic, or send smaller messages'
    case 'UNSUPPORTED_VERSION':
      return "'millrace cluster api-versions' shows what the broker offers"
    case 'MALFORMED_RESPONSE':
      return 'is this the port of a Kafka listener without TLS?'
    case 'TIMED_OUT':
      return 'a longer --timeout may help'
    default:
      return undefined
  }
}

type FileFault = Error & { readonly code: string; readonly path?: string }

const fileSentences: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file or folder',
  EACCES: 'it may not be opened',
  EISDIR: 'it is a folder',
  ENOTDIR: 'it is not a folder',
  ENOSPC: 'the disk is full',
  EEXIST: 'it exists already',
}

const isFileFault = (error: unknown): error is FileFault =>
  error instanceof Error &&
  'syscall' in error &&
  fileSentences[String((error as { code?: unknown }).code)] !== undefined

const fileSentence = ({ path, code }: FileFault): string => `${path ?? 'file'}: ${fileSentences[code]}`
