import { systemClock } from '@millrace/base'
import { logConformance } from '../conformance.ts'
import { emptyCatalog } from '../sample-catalog.ts'
import { openMemoryEngine } from './memory-engine.ts'

logConformance('memory', () => openMemoryEngine({ catalog: emptyCatalog, clock: systemClock }))
