/** Producer snapshots: whole, and of the same mind as the log where both know a producer. */
import { type FileSystem, readSmallFile } from '../file-system.ts'
import { offsetOfFile } from '../log/file-names.ts'
import { decodeSnapshot } from '../log/producer-snapshot.ts'
import type { ProducerState, ProducerStates } from '../log/producer-state.ts'
import type { LogProblem } from './log-problem.ts'

export interface StoredSnapshot {
  readonly path: string
  readonly offset: number
  readonly states: readonly ProducerState[]
}

/** Rising by offset. */
export function readSnapshots(
  fs: FileSystem,
  folder: string,
  names: readonly string[],
  report: (problem: LogProblem) => void,
): StoredSnapshot[] {
  const found: StoredSnapshot[] = []
  for (const name of names) {
    const offset = offsetOfFile(name, '.snapshot')
    const path = `${folder}/${name}`
    const bytes = offset === undefined ? undefined : readSmallFile(fs, path)
    if (offset === undefined || bytes === undefined) continue
    const states = decodeSnapshot(bytes)
    if (states === undefined)
      report({ kind: 'snapshot', path, position: 0, message: 'it is not whole, or its checksum does not fit' })
    else found.push({ path, offset, states })
  }
  return found.sort((a, b) => a.offset - b.offset)
}

/** A producer that only one of the two knows is no contradiction: snapshots forget who expired, logs what was deleted. */
export function compareSnapshot(
  { path, offset, states }: StoredSnapshot,
  producers: ProducerStates,
  { firstOffset, report }: { readonly firstOffset: number; readonly report: (problem: LogProblem) => void },
): void {
  const known = new Map([...producers.values()].map(state => [state.producerId, state]))
  for (const stored of states) {
    const message = contradiction(stored, known.get(stored.producerId), { offset, firstOffset })
    if (message !== undefined) report({ kind: 'snapshot', path, position: undefined, message })
  }
}

function contradiction(
  stored: ProducerState,
  known: ProducerState | undefined,
  { offset, firstOffset }: { readonly offset: number; readonly firstOffset: number },
): string | undefined {
  const { producerId } = stored
  const last = stored.batches.at(-1)
  if (last !== undefined && last.lastOffset >= offset)
    return `producer ${producerId} is said to have written offset ${last.lastOffset}, which is not below ${offset}`
  const seen = known?.batches.at(-1)
  if (known === undefined || seen === undefined || last === undefined) return undefined
  if (stored.producerEpoch !== known.producerEpoch)
    return `producer ${producerId} has epoch ${stored.producerEpoch}, and ${known.producerEpoch} in the log`
  if (last.lastOffset !== seen.lastOffset || last.lastSequence !== seen.lastSequence)
    return `producer ${producerId} ends with sequence ${last.lastSequence} at offset ${last.lastOffset}, and with ${seen.lastSequence} at ${seen.lastOffset} in the log`
  const { transactionFirstOffset } = stored
  if (transactionFirstOffset >= firstOffset && transactionFirstOffset !== known.transactionFirstOffset)
    return `the transaction of producer ${producerId} is open since ${transactionFirstOffset}, and since ${known.transactionFirstOffset} in the log`
  return undefined
}
