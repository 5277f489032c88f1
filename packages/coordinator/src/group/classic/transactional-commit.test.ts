import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { fetchOffsets } from '../offsets.ts'
import { releaseGuard, takeGuard } from '../transactions.ts'
import type { OffsetToCommit } from './event.ts'
import { SimulatedClients } from './simulated-clients.ts'

const A0 = [{ topic: 'a', partitions: [0] }]

/** Producers that commit offsets to one group, each in its transaction. */
class Producers {
  readonly clients = new SimulatedClients()
  readonly #shell = this.clients.shell

  commit(producerId: number, offset: Partial<OffsetToCommit>): string {
    const guard = takeGuard(this.#shell.transactions, producerId)
    const error = this.clients.commit({ transaction: { producerId, guard }, offset })
    releaseGuard(this.#shell.transactions, guard)
    return error
  }

  end(producerId: number, committed: boolean): void {
    this.#shell.apply({ kind: 'endTransaction', request: 1_000, producerId, committed, ...this.#shell.kept })
  }

  /** The offset of a0, and what those are told who require a stable one. */
  get offset(): number {
    return fetchOffsets(this.#shell.offsets, A0)[0]!.partitions[0]!.offset
  }

  get stability(): string {
    return fetchOffsets(this.#shell.offsets, A0, this.#shell.transactions)[0]!.partitions[0]!.error
  }
}

describe('TxnOffsetCommit', () => {
  test('is seen by nobody before the commit marker, and then by all', () => {
    const producers = new Producers()
    assert.equal(producers.commit(7, { offset: 3 }), 'NONE')
    assert.equal(producers.offset, -1)
    assert.equal(producers.stability, 'UNSTABLE_OFFSET_COMMIT')
    producers.end(7, true)
    assert.equal(producers.offset, 3)
    assert.equal(producers.stability, 'NONE')
    producers.end(7, true)
    producers.end(7, false)
    assert.equal(producers.offset, 3, 'a marker may come again')
  })

  test('is forgotten at the abort marker', () => {
    const producers = new Producers()
    producers.clients.commit({ offset: { offset: 1 } })
    producers.commit(7, { offset: 3 })
    producers.end(8, true)
    assert.equal(producers.stability, 'UNSTABLE_OFFSET_COMMIT', 'the marker of another producer is not meant')
    producers.end(7, false)
    assert.equal(producers.offset, 1)
    assert.equal(producers.stability, 'NONE')
  })

  test('survives a restart', () => {
    const producers = new Producers()
    producers.commit(7, { offset: 3 })
    producers.clients.shell.restart()
    assert.equal(producers.clients.kind, 'Empty')
    producers.end(7, true)
    assert.equal(producers.offset, 3)
  })

  test('and of two commits the later counts, whichever marker comes last', () => {
    const producers = new Producers()
    producers.commit(7, { offset: 3 })
    producers.commit(8, { offset: 4 })
    producers.end(8, true)
    assert.equal(producers.stability, 'UNSTABLE_OFFSET_COMMIT')
    producers.end(7, true)
    assert.equal(producers.offset, 4)
    producers.commit(7, { offset: 5 })
    producers.clients.commit({ offset: { offset: 6 } })
    producers.end(7, true)
    assert.equal(producers.offset, 6)
  })

  test('after its marker is refused, so that nothing waits for a second one', () => {
    const producers = new Producers()
    const { clients } = producers
    const transaction = { producerId: 7, guard: takeGuard(clients.shell.transactions, 7) }
    producers.end(7, true)
    assert.equal(clients.commit({ transaction }), 'TRANSACTION_ABORTABLE')
    assert.equal(clients.shell.transactions.pending.size, 0)
  })

  test('keeps offset and group from expiring', () => {
    const producers = new Producers()
    const { clients } = producers
    clients.commit({ offset: { offset: 1 } })
    producers.commit(7, { offset: 3 })
    clients.shell.advance(clients.shell.config.offsetsRetentionMs)
    clients.expireOffsets()
    assert.equal(producers.offset, 1)
    producers.end(7, false)
    clients.expireOffsets()
    assert.equal(clients.kind, 'Dead')
  })

  test('goes with the group that is deleted', () => {
    const producers = new Producers()
    producers.commit(7, { offset: 3 })
    producers.clients.deleteGroup()
    producers.end(7, true)
    assert.equal(producers.offset, -1)
    assert.equal(producers.clients.kind, 'Dead')
  })

  test('that cannot be stored leaves nothing, and a marker that cannot be stored may come again', () => {
    const producers = new Producers()
    producers.clients.shell.writeError = 'NOT_COORDINATOR'
    assert.equal(producers.commit(7, { offset: 3 }), 'NOT_COORDINATOR')
    assert.equal(producers.stability, 'NONE')
    producers.commit(7, { offset: 3 })
    producers.clients.shell.writeError = 'NOT_COORDINATOR'
    producers.end(7, true)
    assert.equal(producers.stability, 'UNSTABLE_OFFSET_COMMIT')
    producers.end(7, true)
    assert.equal(producers.offset, 3)
  })
})
