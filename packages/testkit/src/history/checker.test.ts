import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Anomaly } from './anomaly.ts'
import { checkHistory } from './checker.ts'
import { HISTORY_VERSION, type HistoryLine, type SeenRecord } from './event.ts'

type Untimed = HistoryLine extends infer L ? (L extends HistoryLine ? Omit<L, 'at'> & { at?: number } : never) : never

/** Lines in the order in which they happened, a millisecond each. */
function found(lines: readonly Untimed[], durable = true): Anomaly[] {
  const run: HistoryLine = { kind: 'run', at: 0, version: HISTORY_VERSION, about: 'test', catalogIsDurable: durable }
  const timed = lines.map((line, i) => ({ at: i + 1, ...line }) as HistoryLine)
  return [...new Set(checkHistory([run, ...timed]).map(({ anomaly }) => anomaly))]
}

const topic = (flushMessages: number | null = 1): Untimed => ({
  kind: 'topic',
  topic: 't',
  partitions: 1,
  flushMessages,
  shrinks: false,
})
const sent = (value: string, baseOffset: number, transaction?: string): Untimed[] => [
  {
    kind: 'send',
    client: 'p',
    id: value,
    topic: 't',
    partition: 0,
    values: [value],
    idempotent: true,
    ordered: true,
    ...(transaction !== undefined && { transaction }),
  },
  { kind: 'sent', client: 'p', id: value, outcome: 'acked', baseOffset },
]
const read = (position: number, records: readonly SeenRecord[], more: object = {}): Untimed => ({
  kind: 'read',
  client: 'r',
  began: 0,
  topic: 't',
  partition: 0,
  position,
  records,
  isolation: 'read_uncommitted',
  ...more,
})
const final = (records: readonly SeenRecord[], isolation: 'read_uncommitted' | 'read_committed' = 'read_uncommitted') =>
  ({
    kind: 'final',
    topic: 't',
    partition: 0,
    isolation,
    logStart: 0,
    highWatermark: records.length,
    records,
  }) satisfies Untimed
const abc: readonly SeenRecord[] = [
  [0, 'a'],
  [1, 'b'],
  [2, 'c'],
]
const sentAbc = [...sent('a', 0), ...sent('b', 1), ...sent('c', 2)]
const powerCut: Untimed = { kind: 'fault', fault: 'powerCut' }
const assigned = (member: string, generation: number): Untimed => ({
  kind: 'assigned',
  client: member,
  group: 'g',
  generation,
  member,
  partitions: [['t', 0]],
})
const committed = (member: string, generation: number, offset: number): Untimed[] => {
  const id = `${member}-${generation}-${offset}`
  return [
    { kind: 'commit', client: member, id, group: 'g', generation, member, offsets: [['t', 0, offset]] },
    { kind: 'committed', client: member, id, outcome: 'acked' },
  ]
}
const finalOffset = (offset: number): Untimed => ({ kind: 'finalOffsets', group: 'g', offsets: [['t', 0, offset]] })

describe('the checker', () => {
  it('finds nothing where nothing is wrong', () => {
    const group = [assigned('m', 1), read(0, abc, { group: 'g', client: 'm' }), ...committed('m', 1, 3), finalOffset(3)]
    assert.deepEqual(found([topic(), ...sentAbc, read(0, abc), ...group, final(abc)]), [])
  })

  const wrong: readonly (readonly [anomaly: Anomaly, lines: readonly Untimed[]])[] = [
    ['lost', [topic(), ...sentAbc, final(abc.slice(0, 2))]],
    ['unread', [topic(), read(0, abc), ...sent('a', 0), final(abc.slice(0, 1))]],
    ['gap', [topic(), ...sentAbc, { ...final([abc[0]!, abc[2]!]), highWatermark: 3 }]],
    ['duplicate', [topic(), ...sent('a', 0), final([abc[0]!, [1, 'a']])]],
    ['phantom', [topic(), final([[0, 'z']])]],
    ['wrong offset', [topic(), ...sent('a', 1), final([abc[0]!])]],
    ['reordered', [topic(), ...sent('b', 1), ...sent('a', 0), final(abc.slice(0, 2))]],
    ['backwards', [topic(), ...sentAbc, read(0, abc), read(3, [abc[1]!]), final(abc)]],
    ['skipped', [topic(), ...sentAbc, read(0, [abc[0]!, abc[2]!]), final(abc)]],
    ['above the high watermark', [topic(), ...sentAbc, read(0, abc, { highWatermark: 2 }), final(abc)]],
    ['two owners', [assigned('m', 1), assigned('n', 1)]],
    ['zombie commit', [assigned('m', 1), assigned('n', 2), ...committed('m', 1, 3)]],
    ['offset lost', [assigned('m', 1), ...committed('m', 1, 3), ...committed('m', 1, 5), finalOffset(3)]],
    ['offset invented', [assigned('m', 1), ...committed('m', 1, 3), finalOffset(4)]],
    ['unprocessed', [topic(), ...sentAbc, assigned('m', 1), ...committed('m', 1, 3), finalOffset(3), final(abc)]],
  ]
  for (const [anomaly, lines] of wrong) it(`finds: ${anomaly}`, () => assert(found(lines).includes(anomaly)))

  it('lets a power cut take the end of a log that was only written, and nothing from its middle', () => {
    const kept = final(abc.slice(0, 1))
    assert.deepEqual(found([topic(null), ...sentAbc, powerCut, kept]), [])
    assert.deepEqual(found([topic(1), ...sentAbc, powerCut, kept]), ['lost'])
    assert(found([topic(null), ...sentAbc, powerCut, { ...final([abc[2]!]), highWatermark: 3 }]).includes('hole'))
  })

  it('wants all of a transaction or nothing, and nothing of one that was aborted', () => {
    const begun: Untimed[] = [
      { kind: 'begin', client: 'p', transaction: 'x' },
      ...sent('a', 0, 'x'),
      ...sent('b', 1, 'x'),
    ]
    const ended = (commit: boolean): Untimed[] => [
      { kind: 'end', client: 'p', transaction: 'x', commit },
      { kind: 'ended', client: 'p', transaction: 'x', outcome: 'acked' },
    ]
    const both = abc.slice(0, 2)
    const ends = (seen: readonly SeenRecord[]) => [final(both), final(seen, 'read_committed')]
    assert.deepEqual(found([topic(), ...begun, ...ended(true), ...ends(both)]), [])
    assert.deepEqual(found([topic(), ...begun, ...ended(true), ...ends(both.slice(1))]), ['torn transaction'])
    assert(found([topic(), ...begun, ...ended(false), ...ends(both)]).includes('aborted read'))
    assert.deepEqual(found([topic(), ...begun, ...ended(false), ...ends([])]), [])
  })
})
