import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { it } from 'node:test'
import { seededRandom } from '@millrace/base'
import { digest, md5Into } from './md5.ts'

it('digests spans of every length as node:crypto does', () => {
  const random = seededRandom(1)
  for (let length = 0; length < 300; length++) {
    const bytes = random.bytes(length + 7)
    md5Into(bytes, 5, length)
    const expected = createHash('md5')
      .update(bytes.subarray(5, 5 + length))
      .digest()
    assert.deepEqual(
      [...digest],
      [0, 4, 8, 12].map(at => expected.readInt32LE(at)),
      `length ${length}`,
    )
  }
})
