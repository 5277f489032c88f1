import type { ActiveProducer } from '../engine.ts'
import type { ProducerStates } from './producer-state.ts'

/** What DescribeProducers tells. */
export const activeProducersOf = (producers: ProducerStates): readonly ActiveProducer[] =>
  [...producers.values()].map(state => ({
    producerId: state.producerId,
    producerEpoch: state.producerEpoch,
    lastSequence: state.batches.at(-1)?.lastSequence ?? -1,
    lastTimestampMs: state.lastTimestampMs,
    coordinatorEpoch: state.coordinatorEpoch,
    currentTransactionFirstOffset: state.transactionFirstOffset,
  }))
