import { systemClock } from '@millrace/base'
import { logConformance } from '../conformance.ts'
import { emptyCatalog } from '../sample-catalog.ts'
import { transactionConformance } from '../transaction-conformance.ts'
import { openMemoryEngine } from './memory-engine.ts'

const open = () => openMemoryEngine({ catalog: emptyCatalog, clock: systemClock })

logConformance('memory', open)
transactionConformance('memory', open)
