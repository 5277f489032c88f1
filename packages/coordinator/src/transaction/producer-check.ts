/** Whether a request is of the producer that has the id now. */
import type { ProducerIdAndEpoch } from './event.ts'
import { type Dead, type Living, PRODUCER_EPOCH_MAX } from './state.ts'

export function refuseProducer(
  state: Living,
  { producerId, producerEpoch }: ProducerIdAndEpoch,
): 'INVALID_PRODUCER_ID_MAPPING' | 'PRODUCER_FENCED' | undefined {
  if (producerId !== state.producerId) return 'INVALID_PRODUCER_ID_MAPPING'
  // Beyond the last epoch nobody has the id, whatever a client claims.
  return producerEpoch === state.producerEpoch && producerEpoch <= PRODUCER_EPOCH_MAX ? undefined : 'PRODUCER_FENCED'
}

export function refuseUnknown({
  transactionalId,
  unloaded,
}: Dead): 'INVALID_REQUEST' | 'NOT_COORDINATOR' | 'INVALID_PRODUCER_ID_MAPPING' {
  if (transactionalId === '') return 'INVALID_REQUEST'
  return unloaded ? 'NOT_COORDINATOR' : 'INVALID_PRODUCER_ID_MAPPING'
}
