import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { splitMessages } from './split.ts'

async function* inPieces(bytes: Buffer, size: number): AsyncGenerator<Buffer> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size)
}

async function split(text: string, delimiter: string, size: number, messageBytesMax = 1000): Promise<string[]> {
  const found: string[] = []
  const options = { delimiter: Buffer.from(delimiter), messageBytesMax }
  for await (const messages of splitMessages(inPieces(Buffer.from(text), size), options))
    found.push(...messages.map(String))
  return found
}

test('the same messages come out however the bytes are cut', async () => {
  const part = fc.constantFrom('a', 'b', '-', '--', '')
  await fc.assert(
    fc.asyncProperty(
      fc.array(part, { maxLength: 12 }),
      fc.constantFrom('-', '--', 'ab'),
      fc.integer({ min: 1, max: 5 }),
      async (parts, delimiter, size) => {
        const text = parts.join('')
        const expected = text.split(delimiter)
        if (expected.at(-1) === '') expected.pop()
        assert.deepEqual(await split(text, delimiter, size), expected)
      },
    ),
    { seed: 11, numRuns: 300 },
  )
})

test('a last message needs no delimiter, and an empty one in between is a message', async () => {
  assert.deepEqual(await split('a\n\nb', '\n', 2), ['a', '', 'b'])
  assert.deepEqual(await split('a\n', '\n', 2), ['a'])
  assert.deepEqual(await split('', '\n', 2), [])
})

test('a message without an end is refused before it fills the memory', async () => {
  await assert.rejects(split('x'.repeat(50), '\n', 4, 10), /longer than 10 bytes/)
})
