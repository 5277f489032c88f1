import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { closeSync, existsSync, openSync } from 'node:fs'
import { test } from 'node:test'
import { stripVTControlCharacters } from 'node:util'
import { createLogger, type LogFields, type LogLevel, silentLogger } from './logger.ts'

function linesOf(format: 'text' | 'json', level: LogLevel = 'debug') {
  const lines: string[] = []
  return { lines, logger: createLogger({ level, format, write: line => lines.push(line) }) }
}

function jsonOf(message: string, fields?: LogFields): Record<string, unknown> {
  const { lines, logger } = linesOf('json')
  logger.info(message, fields)
  assert.equal(lines.length, 1)
  assert.match(lines[0]!, /^[^\n]*\n$/)
  return JSON.parse(lines[0]!)
}

/** Without its time and colours. */
function textOf(message: string, fields?: LogFields): string {
  const { lines, logger } = linesOf('text')
  logger.warn(message, fields)
  assert.equal(lines.length, 1)
  assert.ok(lines[0]!.startsWith('\u001b[2m'))
  const bare = stripVTControlCharacters(lines[0]!)
  assert.match(bare, /^\d\d:\d\d:\d\d /)
  return bare.slice(9)
}

test('a JSON line holds time, level, message and the fields', () => {
  const { time, ...rest } = jsonOf('topic created', {
    topic: 'orders',
    partitions: 3,
    internal: false,
    config: { a: [1] },
  })
  assert.ok(Math.abs(Date.parse(String(time)) - Date.now()) < 60_000)
  assert.deepEqual(rest, {
    level: 'info',
    message: 'topic created',
    topic: 'orders',
    partitions: 3,
    internal: false,
    config: { a: [1] },
  })
})

test('a JSON line begins with time, level and message, and no field takes their place', () => {
  const line = jsonOf('the message', { level: 'error', message: 'another', time: 0, x: 1 })
  assert.deepEqual(Object.keys(line), ['time', 'level', 'message', 'x'])
  assert.equal(line.level, 'info')
  assert.equal(line.message, 'the message')
})

test('a text line holds the message and the fields as name=value', () => {
  assert.equal(textOf('ready'), 'ready\n')
  assert.equal(textOf('ready', { port: 9092, host: 'a b', topics: ['x'] }), 'ready port=9092 host=a b topics=["x"]\n')
})

test('text without colours, as for a file, steers no terminal', () => {
  const lines: string[] = []
  const logger = createLogger({ level: 'debug', format: 'text', hasColor: false, write: line => lines.push(line) })
  logger.error('full', { port: 9092 })
  assert.match(lines[0]!, /^\d\d:\d\d:\d\d full port=9092\n$/)
})

test('a log that cannot be written costs its lines and not the process (with /dev/full)', {
  skip: !existsSync('/dev/full'),
}, () => {
  const logger = JSON.stringify(new URL('./logger.ts', import.meta.url).href)
  const script = `const { systemLogger } = await import(${logger}); systemLogger().info('lost'); setImmediate(() => console.log('alive'))`
  const full = openSync('/dev/full', 'w')
  const args = ['--conditions=source', '--input-type=module', '-e', script]
  const { status, stdout } = spawnSync(process.execPath, args, { stdio: ['ignore', 'pipe', full], encoding: 'utf8' })
  closeSync(full)
  assert.deepEqual([status, stdout], [0, 'alive\n'])
})

test('errors show their message, never a stack, at any depth', () => {
  const cause = new Error('disk full')
  assert.equal(jsonOf('failed', { cause }).cause, 'disk full')
  assert.deepEqual(jsonOf('failed', { causes: [cause] }).causes, ['disk full'])
  assert.equal(textOf('failed', { cause, causes: [cause] }), 'failed cause="disk full" causes=["disk full"]\n')
})

test('levels below the one asked for write nothing', () => {
  const expected = { debug: 4, info: 3, warn: 2, error: 1 } satisfies Record<LogLevel, number>
  for (const level of Object.keys(expected) as LogLevel[]) {
    const { lines, logger } = linesOf('json', level)
    for (const own of Object.keys(expected) as LogLevel[]) logger[own]('x')
    assert.equal(lines.length, expected[level])
    assert.equal(JSON.parse(lines[0]!).level, level)
  }
})

test('text from a client can neither begin a line nor steer the terminal', () => {
  const evil = 'a\nINFO all is well\r\x1b[2J\u009b1m\u2028'
  const lines = [
    textOf(evil),
    textOf('x', { clientId: evil }),
    textOf('x', { [evil]: 1 }),
    textOf('x', { list: [evil] }),
  ]
  for (const line of lines) assert.match(line, /^[^\p{Cc}\u2028]*\n$/u)
  assert.equal(textOf('x', { clientId: 'a\nb' }), 'x clientId=a\\u000ab\n')
  assert.equal(jsonOf(evil).message, evil)
})

test('a field that JSON cannot hold does not cost the line', () => {
  const circle: Record<string, unknown> = {}
  circle.self = circle
  const line = jsonOf('odd', { big: 12345678901234567890n, circle, nothing: undefined, fine: 1 })
  assert.equal(line.message, 'odd')
  assert.equal(line.big, '12345678901234567890')
  assert.match(String(line.circle), /^\(not shown: .*circular/i)
  assert.equal(jsonOf('big', { big: 5n }).big, '5')
  assert.match(
    textOf('odd', { circle, nothing: undefined, big: 5n }),
    /^odd circle=\(not shown: .*\) nothing=undefined big="5"\n$/,
  )
})

test('the silent logger takes everything', () => {
  silentLogger.error('nobody hears this', { at: 'all' })
})
