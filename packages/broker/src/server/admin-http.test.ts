import assert from 'node:assert/strict'
import { once } from 'node:events'
import { request } from 'node:http'
import { connect } from 'node:net'
import { after, test } from 'node:test'
import { silentLogger, systemClock } from '@millrace/base'
import { AdminHttp, type AdminHttpLimits } from './admin-http.ts'

const started: AdminHttp[] = []
after(() => {
  for (const admin of started) admin.close()
})

async function start(options: { limits?: Partial<AdminHttpLimits>; metricsText?: () => Promise<string> } = {}) {
  const state: { notReady: string | undefined } = { notReady: undefined }
  const { limits = {}, metricsText = () => Promise.resolve('a 1\n') } = options
  const admin = new AdminHttp({
    host: '127.0.0.1',
    port: 0,
    metricsText,
    notReady: () => state.notReady,
    clock: systemClock,
    logger: silentLogger,
    limits,
  })
  started.push(admin)
  return { port: await admin.listen(), state, admin }
}

interface Got {
  readonly status: number
  readonly type: string | undefined
  readonly body: string
}

async function get(port: number, path: string, method = 'GET'): Promise<Got> {
  const sent = request({ host: '127.0.0.1', port, path, method, agent: false })
  sent.end()
  const [response] = await once(sent, 'response')
  let body = ''
  for await (const chunk of response) body += chunk
  return { status: response.statusCode, type: response.headers['content-type'], body }
}

test('it tells whether the broker lives and whether it is ready', { timeout: 10_000 }, async () => {
  const { port, state } = await start()
  assert.deepEqual(await get(port, '/readyz'), { status: 200, type: 'text/plain; charset=utf-8', body: 'ready\n' })
  state.notReady = 'stopping'
  assert.deepEqual(await get(port, '/readyz'), { status: 503, type: 'text/plain; charset=utf-8', body: 'stopping\n' })
  assert.equal((await get(port, '/healthz')).status, 200)
  assert.deepEqual(await get(port, '/metrics?x=1'), {
    status: 200,
    type: 'text/plain; version=0.0.4; charset=utf-8',
    body: 'a 1\n',
  })
})

test('other paths are not found, and nothing is taken in', { timeout: 10_000 }, async () => {
  const { port } = await start()
  for (const path of ['/', '/metrics/', '/../etc/passwd', '//metrics'])
    assert.equal((await get(port, path)).status, 404)
  assert.equal((await get(port, '/metrics', 'POST')).status, 405)
  assert.deepEqual(await get(port, '/metrics', 'HEAD').then(({ status, body }) => ({ status, body })), {
    status: 200,
    body: '',
  })
})

test('who asks at the same moment gets the same text, made once', { timeout: 10_000 }, async () => {
  let made = 0
  const { promise, resolve } = Promise.withResolvers<string>()
  const asked = Promise.withResolvers<void>()
  const { port } = await start({
    metricsText: () => {
      made++
      asked.resolve()
      return promise
    },
  })
  const first = get(port, '/metrics')
  await asked.promise
  const others = Array.from({ length: 5 }, () => get(port, '/metrics'))
  await get(port, '/healthz')
  resolve('a 1\n')
  for (const { body } of await Promise.all([first, ...others])) assert.equal(body, 'a 1\n')
  assert.ok(made <= 2)
})

test('a text that cannot be made is an error of that request alone', { timeout: 10_000 }, async () => {
  const { port } = await start({ metricsText: () => Promise.reject(new Error('no')) })
  assert.equal((await get(port, '/metrics')).status, 500)
  assert.equal((await get(port, '/healthz')).status, 200)
})

test('a client that says nothing, or goes on for ever, is gone after its time', { timeout: 10_000 }, async () => {
  const { port } = await start({ limits: { connectionMs: 50 } })
  const silent = connect(port, '127.0.0.1')
  const endless = connect(port, '127.0.0.1')
  endless.on('error', () => {})
  endless.write('GET /metrics HTTP/1.1\r\nX: ')
  await Promise.all([once(silent.resume(), 'close'), once(endless.resume(), 'close')])
})

test('headers beyond the limit and bytes that are not HTTP end the connection', { timeout: 10_000 }, async () => {
  const { port } = await start()
  for (const bytes of [`GET / HTTP/1.1\r\nX: ${'y'.repeat(20_000)}\r\n\r\n`, '\0\0\0\x10garbage\r\n\r\n']) {
    const socket = connect(port, '127.0.0.1')
    socket.on('error', () => {})
    socket.write(bytes)
    await once(socket.resume(), 'close')
  }
  assert.equal((await get(port, '/healthz')).status, 200)
})

test('no more connections than allowed are open', { timeout: 10_000 }, async () => {
  const { port } = await start({ limits: { connectionsMax: 2 } })
  const open = [connect(port, '127.0.0.1'), connect(port, '127.0.0.1')]
  await Promise.all(open.map(socket => once(socket, 'connect')))
  const third = connect(port, '127.0.0.1')
  third.on('error', () => {})
  await once(third.resume(), 'close')
  for (const socket of open) socket.destroy()
})

test('close ends what is open', { timeout: 10_000 }, async () => {
  const { port, admin } = await start()
  const socket = connect(port, '127.0.0.1')
  socket.on('error', () => {})
  await once(socket, 'connect')
  admin.close()
  await once(socket.resume(), 'close')
})
