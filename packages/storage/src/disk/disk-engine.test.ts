import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after } from 'node:test'
import { silentLogger, systemClock } from '@millrace/base'
import { logConformance } from '../conformance.ts'
import { emptyCatalog } from '../sample-catalog.ts'
import { transactionConformance } from '../transaction-conformance.ts'
import { openDiskEngine } from './disk-engine.ts'

const root = await mkdtemp(join(tmpdir(), 'millrace-disk-'))
after(() => rm(root, { recursive: true }))

const open = (name: string, tailBytes: number) =>
  openDiskEngine({
    dirs: [join(root, name)],
    catalog: emptyCatalog,
    clock: systemClock,
    logger: silentLogger,
    settings: { tailBytes },
  })

logConformance('disk', () => open('with-tail', 1_000_000))
logConformance('disk, nothing kept in memory', () => open('without-tail', 0))
transactionConformance('disk', () => open('transactions-with-tail', 1_000_000))
transactionConformance('disk, nothing kept in memory', () => open('transactions-without-tail', 0))
