import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Exposition } from './exposition.ts'
import { parseExposition } from './exposition-fixture.ts'
import { Histogram } from './histogram.ts'
import { metricTable } from './metric-table.ts'
import { Metrics } from './metrics.ts'
import { OTHER_TOPICS, TopicMetrics } from './topic-metrics.ts'

test('label values of any content come through the text format', () => {
  const nasty = 'a"b\\c\nd,e="f"}{ é \\n'
  const text = new Exposition().metric('kafka_log_log_size').sample(1, { topic: nasty, partition: '0' }).text()
  const [sample] = parseExposition(text).get('kafka_log_log_size')!.samples
  assert.deepEqual(sample, { name: 'kafka_log_log_size', labels: { topic: nasty, partition: '0' }, value: 1 })
})

test('a histogram is cumulative and ends in +Inf', () => {
  const h = new Histogram([1, 10])
  for (const value of [0.5, 1, 2, 10, 11, 1e9]) h.add(value)
  const text = new Exposition().metric('kafka_network_requestmetrics_totaltimems').histogram(h, { request: 'X' }).text()
  const { samples } = parseExposition(text).get('kafka_network_requestmetrics_totaltimems')!
  assert.deepEqual(
    samples.map(({ labels, value }) => [labels.le, value]),
    [
      ['1', 2],
      ['10', 4],
      ['+Inf', 6],
      [undefined, 24.5 + 1e9],
      [undefined, 6],
    ],
  )
})

test('numbers of any size are written as the format has them', () => {
  const to = new Exposition().metric('process_open_fds')
  for (const [i, n] of [0, -1, 1.5e-9, 2 ** 53, 1e21, NaN, Infinity, -Infinity].entries())
    to.sample(n, { i: String(i) })
  assert.equal(parseExposition(to.text()).get('process_open_fds')!.samples.length, 8)
})

test('the parser refuses what the format does not allow', () => {
  const head = '# HELP a b\n# TYPE a counter\n'
  for (const bad of ['a 1', `${head}b 1\n`, `${head}a{x=1} 1\n`, `${head}a{x="1",} 1\n`, `${head}a 1\na 1\n`, 'a 1\n'])
    assert.throws(() => parseExposition(bad), bad)
  assert.throws(() => parseExposition(`${head}a x\n`))
  assert.throws(() => parseExposition(`${head}# HELP a b\n# TYPE a counter\n`))
})

test('names follow the conventions: counters end in _total, and only they do', () => {
  for (const [name, { type, help }] of Object.entries(metricTable)) {
    assert.match(name, /^[a-z][a-z0-9_]*$/)
    assert.equal(name.endsWith('_total'), type === 'counter', name)
    assert.match(help, /^[A-Z0-9].*\.$/, name)
  }
})

test('topics beyond the limit are counted together, and the totals hold all', () => {
  const topics = new TopicMetrics(3)
  for (let i = 0; i < 10; i++) topics.produced(`t${i}`, 2, 100)
  assert.deepEqual([...topics.byTopic.keys()], ['t0', 't1', 't2', OTHER_TOPICS])
  assert.equal(topics.byTopic.get(OTHER_TOPICS)!.messagesIn, 14)
  assert.equal(topics.all.bytesIn, 1000)
  topics.forget('t1')
  topics.fetched('t9', 5)
  assert.equal(topics.byTopic.get('t9')!.bytesOut, 5, 'a place became free')
  assert.equal(topics.all.messagesIn, 20)
})

test('requests are counted by version, errors by code, connections by listener', () => {
  const metrics = new Metrics()
  const produce = metrics.of({ name: 'Produce', key: 0, versions: [3, 13] })
  produce.done(9, 3, 100, 50)
  produce.done(13, 4, 100, 50)
  produce.error(3)
  produce.error(3)
  assert.equal(metrics.of({ name: 'Produce', key: 0, versions: [3, 13] }), produce)
  assert.deepEqual([produce.requests[9], produce.requests[13], produce.requestBytes], [1, 1, 200])
  assert.deepEqual([...produce.errors], [[3, 2]])
  metrics.connectionsChanged('A', 1)
  metrics.connectionsChanged('A', 1)
  metrics.connectionsChanged('A', -1)
  assert.deepEqual({ ...metrics.listeners().get('A') }, { open: 1, accepted: 2 })
})
