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

  it('wants every transaction to end', () => {
    const seen: Untimed[] = [{ kind: 'begin', client: 'p', transaction: 'x' }, ...sent('a', 0, 'x'), final([[0, 'a']])]
    const end = (lastStableOffset: number) => ({ ...final([], 'read_committed'), highWatermark: 1, lastStableOffset })
    assert.deepEqual(found([topic(), ...seen, end(1)]), [])
    assert.deepEqual(found([topic(), ...seen, end(0)]), ['hanging transaction'])
    assert.deepEqual(found([topic(null), ...seen, powerCut, end(0)]), [], 'its end may have been lost with the log')
  })

  it('takes no write of a producer whose successor has begun', () => {
    const began = (client: string, epoch: number): Untimed => ({
      kind: 'producerId',
      client,
      producerId: 1,
      epoch,
      transactionalId: 't',
    })
    const write = [...sent('a', 0, 'x'), final([[0, 'a']])]
    assert.deepEqual(found([topic(), began('p', 0), ...write, began('q', 1)]), [])
    assert.deepEqual(found([topic(), began('p', 0), began('q', 1), ...write]), ['zombie write'])
    assert.deepEqual(found([topic(), began('q', 1), began('p', 2), ...write]), [])
  })

  it('bears that a power cut takes an epoch that was on its way to a producer, where the catalog is not durable', () => {
    const given = (client: string, began?: number): Untimed => ({
      kind: 'producerId',
      client,
      producerId: 1,
      epoch: 0,
      ...(began !== undefined && { began }),
    })
    assert.deepEqual(found([topic(), powerCut, given('p'), given('q')], false), ['producer id reused'])
    assert.deepEqual(found([topic(), powerCut, given('p', 0), given('q')], false), [])
  })

  it('counts offsets of a transaction when it is committed, and wants them where its records are', () => {
    const transaction = 'x'
    const copied = (offset: number): Untimed[] => [
      { kind: 'begin', client: 'p', transaction },
      ...sent('a', 0, transaction),
      { ...committed('m', 1, offset)[0]!, transaction } as Untimed,
      committed('m', 1, offset)[1]!,
    ]
    const end = (commit: boolean): Untimed => ({ kind: 'end', client: 'p', transaction, commit })
    const seen: Untimed[] = [final([[0, 'a']]), final([[0, 'a']], 'read_committed')]
    const unseen: Untimed[] = [final([[0, 'a']]), final([], 'read_committed')]
    const none: Untimed = { kind: 'finalOffsets', group: 'g', offsets: [['t', 0, -1]] }
    const group = [topic(), assigned('m', 1), ...copied(1)]
    assert(found([...group, end(true), ...seen, none]).includes('offset lost'), 'its records are there')
    assert.deepEqual(found([...group, end(true), ...unseen, none]), [])
    assert(found([...group, end(true), ...unseen, finalOffset(1)]).includes('offset invented'))
    assert(found([...group, end(false), ...unseen, finalOffset(1)]).includes('offset invented'))
  })

  it('excuses what cannot be read where a bit was flipped, and nothing else', () => {
    const damaged: Untimed = { kind: 'damaged', topic: 't', partition: 0, from: 0, to: 2 }
    const end = (records: readonly SeenRecord[]): Untimed => ({ ...final(records), highWatermark: 3 })
    assert.deepEqual(found([topic(), ...sentAbc, damaged, end([[2, 'c']])]), [])
    assert.deepEqual(found([topic(), ...sentAbc, damaged, end([[0, 'a']])]), ['lost', 'gap'].toReversed())
    assert(
      found([
        topic(),
        ...sentAbc,
        damaged,
        end([
          [0, 'x'],
          [2, 'c'],
        ]),
      ]).includes('phantom'),
    )
  })
})
