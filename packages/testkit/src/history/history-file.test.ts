import assert from 'node:assert/strict'
import { it } from 'node:test'
import { HISTORY_VERSION, type HistoryLine } from './event.ts'
import { formatLine, mergeHistories } from './history-file.ts'

const run: HistoryLine = { kind: 'run', at: 0, version: HISTORY_VERSION, about: 'a test', catalogIsDurable: true }
const kill = (at: number): HistoryLine => ({ kind: 'fault', at, fault: 'kill' })

it('puts the lines of several writers in the order of their times', () => {
  const harness = formatLine(run) + formatLine(kill(5))
  const other = formatLine(kill(2.5)) + formatLine(kill(7))
  assert.deepEqual(
    mergeHistories([harness, other]).map(line => line.at),
    [0, 2.5, 5, 7],
  )
})

it('leaves out a last line that its writer did not finish, and nothing else', () => {
  const text = formatLine(run) + formatLine(kill(1))
  assert.equal(mergeHistories([text.slice(0, -5)]).length, 1)
  assert.throws(() => mergeHistories([text.replace('"kill"', 'kill')]))
})

it('refuses a history that does not say what it is', () => {
  assert.throws(() => mergeHistories([formatLine(kill(1))]), /no line that says of which run/)
  assert.throws(() => mergeHistories([`${JSON.stringify({ ...run, version: 99 })}\n`]), /version 99/)
})
