/** The bytes to keep: the view itself, or a copy where it is less than half of the buffer it lies in, which would be held with it. */
export function ownRecords(records: Buffer): Buffer {
  if (records.length * 2 >= records.buffer.byteLength) return records
  const copy = Buffer.allocUnsafeSlow(records.length)
  records.copy(copy)
  return copy
}
