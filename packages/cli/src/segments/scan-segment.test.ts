import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { BatchBuilder, baseOffsetOf, hasValidCrc } from '@millrace/protocol'
import { type ScanEnd, scanSegment } from './scan-segment.ts'

function batch(baseOffset: number, valueBytes: number): Buffer {
  const builder = new BatchBuilder(valueBytes + 128)
  builder.append({ timestamp: 1000, value: Buffer.alloc(valueBytes, 'x') })
  return builder.build({ baseOffset })
}

function scan(t: TestContext, bytes: Buffer): { readonly offsets: number[]; readonly end: ScanEnd } {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-scan-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  const path = join(folder, 'segment')
  writeFileSync(path, bytes)
  const offsets: number[] = []
  const steps = scanSegment(path)
  for (let step = steps.next(); ; step = steps.next()) {
    if (step.done === true) return { offsets, end: step.value }
    const { buffer, at, sizeBytes } = step.value
    assert.ok(at + sizeBytes <= buffer.length && hasValidCrc(buffer, at))
    offsets.push(baseOffsetOf(buffer, at))
  }
}

test('batches are whole, also those that straddle what is read at once and those that are larger', t => {
  const sizes = [10, 700_000, 600_000, 3_000_000, 10, 900_000]
  const bytes = Buffer.concat(sizes.map((size, offset) => batch(offset, size)))
  const { offsets, end } = scan(t, bytes)
  assert.deepEqual(offsets, [0, 1, 2, 3, 4, 5])
  assert.deepEqual(end, { fileBytes: bytes.length, validBytes: bytes.length, reason: undefined })
})

test('an empty file has no batches and no fault', t => {
  assert.deepEqual(scan(t, Buffer.alloc(0)), { offsets: [], end: { fileBytes: 0, validBytes: 0, reason: undefined } })
})

test('a file that is cut anywhere ends at its last whole batch', t => {
  const [first, second] = [batch(0, 20), batch(1, 20)]
  const bytes = Buffer.concat([first, second])
  for (let cut = first.length + 1; cut < bytes.length; cut++) {
    const { offsets, end } = scan(t, bytes.subarray(0, cut))
    assert.deepEqual(offsets, [0])
    assert.equal(end.validBytes, first.length)
    assert.match(end.reason!, /too few|ends beyond/)
  }
})

test('what is no batch, or lies about its length, is where the walk ends', t => {
  const spoilt = (change: (bytes: Buffer) => void): ScanEnd => {
    const bytes = Buffer.concat([batch(0, 20), batch(1, 20)])
    change(bytes.subarray(bytes.length / 2))
    return scan(t, bytes).end
  }
  assert.equal(spoilt(bytes => bytes.fill(0)).reason, 'not a batch of a known format')
  assert.equal(spoilt(bytes => bytes.writeInt8(1, 16)).reason, 'batch of the old format 1')
  assert.match(spoilt(bytes => bytes.writeInt32BE(-5, 8)).reason!, /says that it is -5 bytes long/)
  assert.match(spoilt(bytes => bytes.writeInt32BE(0x7fff_ffff, 8)).reason!, /ends beyond the file/)
})
