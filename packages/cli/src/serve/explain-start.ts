/** What kept a broker from starting, or from stopping well: one sentence for the operator, and a stack only for what is a bug of ours. */
import type { BrokerConfig } from '@millrace/broker'
import { CatalogError, StorageError } from '@millrace/storage'
import { NodeFailed } from './node-failed.ts'

interface ListenFault extends NodeJS.ErrnoException {
  readonly address?: string
  readonly port?: number
  readonly hostname?: string
}

export function explainStart(error: unknown, config: Pick<BrokerConfig, 'adminListener'>): string {
  if (error instanceof StorageError || error instanceof CatalogError || error instanceof NodeFailed)
    return error.message
  const fault = error as ListenFault
  return listenSentence(fault, config) ?? fileSentence(fault) ?? stackOf(error)
}

function listenSentence(
  fault: ListenFault,
  { adminListener }: Pick<BrokerConfig, 'adminListener'>,
): string | undefined {
  const { code, address, port, hostname } = fault
  const setting = adminListener?.endsWith(`:${port}`) ? 'millrace.admin.listener=HOST:PORT' : 'listeners=…'
  switch (code) {
    case 'EADDRINUSE':
      return `port ${port} on ${address} is taken: stop what listens there, or set another ${setting}`
    case 'EADDRNOTAVAIL':
      return `${address} is not an address of this machine: set another ${setting}`
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return `the host ${hostname} of a listener cannot be resolved: set another listeners=…`
    case 'EACCES':
      return port === undefined ? undefined : `may not listen on port ${port}: ports below 1024 need privileges`
    default:
      return undefined
  }
}

const fileFaults: Readonly<Record<string, string>> = {
  EACCES: 'may not be read or written by this user',
  EPERM: 'may not be read or written by this user',
  EROFS: 'is on a file system that is read-only',
  ENOTDIR: 'is not a folder',
  EEXIST: 'is not a folder',
  ENOSPC: 'has no space left',
  EMFILE: 'cannot be opened: too many files are open (raise ulimit -n)',
}

function fileSentence({ code, path }: ListenFault): string | undefined {
  const reason = fileFaults[String(code)]
  return reason === undefined || path === undefined ? undefined : `${path} ${reason}`
}

function stackOf(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error)
}
