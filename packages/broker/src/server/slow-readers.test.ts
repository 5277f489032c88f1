import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ServerLoad } from './server-load.ts'
import { type Reader, SlowReaders } from './slow-readers.ts'

/** Time stands until a look is due and somebody lets it come. */
class Field {
  readonly load = new ServerLoad({ requestsMax: 10, requestBytesMax: -1, unsentBytesMax: 1000 })
  readonly readers = new Set<Reader>()
  readonly closed: string[] = []
  readonly slow: SlowReaders
  #due: (() => void)[] = []

  constructor() {
    const schedule = (_: number, run: () => void) => {
      this.#due.push(run)
      return { cancel: () => {} }
    }
    this.slow = new SlowReaders(this.load, this.readers, { now: () => 0, monotonicMs: () => 0, schedule })
  }

  reader(name: string, bytes: number): { backlogBytes: number } {
    const reader = {
      backlogBytes: bytes,
      close: () => {
        this.closed.push(name)
        this.readers.delete(reader)
        this.load.unsent(-reader.backlogBytes)
      },
    }
    this.readers.add(reader)
    this.load.unsent(bytes)
    return reader
  }

  looks(count: number): void {
    for (let i = 0; i < count; i++) for (const run of this.#due.splice(0)) run()
  }

  get dueCount(): number {
    return this.#due.length
  }
}

test('nobody is hung up on while there is room, however long nothing is read', () => {
  const field = new Field()
  field.reader('a', 700)
  assert.equal(field.dueCount, 0)
  field.looks(100)
  assert.deepEqual(field.closed, [])
})

test('without room those who take nothing go, the longest stuck first, until there is room again', () => {
  const field = new Field()
  field.reader('late', 300)
  field.reader('a', 500)
  field.looks(2)
  field.reader('b', 200)
  field.looks(2)
  assert.deepEqual(field.closed, [])
  field.looks(1)
  assert.deepEqual(field.closed, ['late'])
  assert(!field.load.isPressed)
  field.looks(1)
  assert.equal(field.dueCount, 0, 'nobody looks where nothing is short')
})

test('one who reads however slowly stays', () => {
  const field = new Field()
  const slow = field.reader('slow', 900)
  for (let i = 0; i < 50; i++) {
    slow.backlogBytes--
    field.looks(1)
  }
  assert.deepEqual(field.closed, [])
  field.looks(5)
  assert.deepEqual(field.closed, ['slow'])
})

test('after the stop nobody looks', () => {
  const field = new Field()
  field.reader('a', 900)
  field.slow.stop()
  field.looks(20)
  assert.deepEqual(field.closed, [])
  assert.equal(field.dueCount, 0)
})
