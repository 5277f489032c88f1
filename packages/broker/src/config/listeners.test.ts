import assert from 'node:assert/strict'
import { test } from 'node:test'
import { advertisedEndpoints, isListenerPlan, type ListenerTexts, parseHostPort, planListeners } from './listeners.ts'

const defaultMap = 'SASL_SSL:SASL_SSL,PLAINTEXT:PLAINTEXT,SSL:SSL,SASL_PLAINTEXT:SASL_PLAINTEXT'
const plan = (listeners: string, rest: Partial<ListenerTexts> = {}) =>
  planListeners({
    listeners: listeners.split(','),
    advertised: null,
    protocolMap: defaultMap,
    controllerNames: [],
    allowAnonymous: false,
    ...rest,
  })
const planned = (...args: Parameters<typeof plan>) => {
  const outcome = plan(...args)
  assert.ok(isListenerPlan(outcome), JSON.stringify(outcome))
  return outcome
}
const refused = (...args: Parameters<typeof plan>) => {
  const outcome = plan(...args)
  assert.ok(!isListenerPlan(outcome), 'not refused')
  return outcome.map(({ message }) => message).join('\n')
}

test('several loopback listeners with names of their own, IPv6 and a free port', () => {
  const { listeners } = planned(
    'PLAINTEXT://localhost:9092,inner://[::1]:9093,OTHER://127.0.0.5:0,LAST://127.0.0.1:0',
    {
      protocolMap: `${defaultMap},INNER:PLAINTEXT,OTHER:PLAINTEXT,LAST:plaintext`,
    },
  )
  assert.deepEqual(
    listeners.map(({ name, host, port }) => [name, host, port]),
    [
      ['PLAINTEXT', 'localhost', 9092],
      ['INNER', '::1', 9093],
      ['OTHER', '127.0.0.5', 0],
      ['LAST', '127.0.0.1', 0],
    ],
  )
})

test('a listener beyond loopback is refused in one sentence until anonymous clients are allowed', () => {
  for (const open of [
    'PLAINTEXT://:9092',
    'PLAINTEXT://10.0.0.1:9092',
    'PLAINTEXT://example.org:9092',
    'PLAINTEXT://[fe80::1]:9092',
  ]) {
    assert.match(refused(open), /can be reached from other machines.*start with --allow-anonymous/)
    planned(open, { allowAnonymous: true })
  }
})

test('names and ports stand once', () => {
  assert.match(refused('PLAINTEXT://localhost:1,plaintext://localhost:2'), /Each listener must have a different name/)
  assert.match(
    refused('PLAINTEXT://localhost:1,B://127.0.0.1:1', { protocolMap: 'PLAINTEXT:PLAINTEXT,B:PLAINTEXT' }),
    /Each listener must have a different port/,
  )
})

test('an IPv4 and an IPv6 listener may share a port', () => {
  planned('PLAINTEXT://127.0.0.1:9092,B://[::1]:9092', { protocolMap: 'PLAINTEXT:PLAINTEXT,B:PLAINTEXT' })
})

test('only PLAINTEXT is available, and a name needs a protocol', () => {
  assert.match(refused('SSL://localhost:9092'), /SSL, which is not available yet/)
  assert.match(refused('WEB://localhost:9092'), /No security protocol defined for listener WEB/)
  assert.match(refused('PLAINTEXT://localhost:1', { protocolMap: 'PLAINTEXT' }), /Error parsing configuration property/)
  assert.match(refused('PLAINTEXT://localhost:1', { protocolMap: 'PLAINTEXT:TLS' }), /unknown security protocol: TLS/)
})

test('what is no endpoint is refused', () => {
  for (const text of [
    'localhost:9092',
    'PLAINTEXT://localhost',
    'PLAINTEXT://localhost:99999',
    'PLAINTEXT://a b:1',
    'PLAINTEXT://localhost:-1',
    '://x:1',
  ]) {
    assert.match(refused(text), /Unable to parse/)
  }
})

test('a controller listener is left out with a note', () => {
  const { listeners, notes } = planned('PLAINTEXT://localhost:9092,CONTROLLER://:9093', {
    controllerNames: ['CONTROLLER'],
  })
  assert.deepEqual(
    listeners.map(({ name }) => name),
    ['PLAINTEXT'],
  )
  assert.match(notes[0]!, /listener CONTROLLER is not opened/)
})

test('clients are told the advertised endpoints, with bound ports and this machine’s name filled in', () => {
  const ports = new Map([['PLAINTEXT', 40123]])
  const told = advertisedEndpoints(planned('PLAINTEXT://:0', { allowAnonymous: true }), ports, 'box')
  assert.deepEqual(told, [{ name: 'PLAINTEXT', host: 'box', port: 40123 }])
  const explicit = planned('PLAINTEXT://localhost:0', { advertised: ['PLAINTEXT://kafka.example:9092'] })
  assert.deepEqual(advertisedEndpoints(explicit, ports, 'box'), [
    { name: 'PLAINTEXT', host: 'kafka.example', port: 9092 },
  ])
})

test('advertised endpoints are routable and belong to listeners', () => {
  assert.match(
    refused('PLAINTEXT://localhost:1', { advertised: ['PLAINTEXT://0.0.0.0:1'] }),
    /nonroutable meta-address 0.0.0.0/,
  )
  assert.match(refused('PLAINTEXT://0.0.0.0:1', { allowAnonymous: true }), /nonroutable meta-address 0.0.0.0/)
  assert.match(refused('PLAINTEXT://localhost:1', { advertised: ['B://localhost:1'] }), /equal to or a subset.*Found B/)
})

test('HOST:PORT takes brackets, an empty host and no nonsense', () => {
  assert.deepEqual(parseHostPort('[::1]:80'), { host: '::1', port: 80 })
  assert.deepEqual(parseHostPort(':80'), { host: '', port: 80 })
  assert.equal(parseHostPort('80'), undefined)
  assert.equal(parseHostPort('a:70000'), undefined)
})
