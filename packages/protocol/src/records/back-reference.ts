/** Below this length a byte loop beats the call into the engine's own copying. */
const BULK_LENGTH_MIN = 48

/** Copies `length` bytes that start `distance` before `at` to `at`. A distance below the length repeats what is being written. */
export function copyBackReference(out: Uint8Array, at: number, distance: number, length: number): void {
  if (length < BULK_LENGTH_MIN) {
    for (let to = at, end = at + length, from = at - distance; to < end; to++, from++) out[to] = out[from]!
    return
  }
  let written = Math.min(distance, length)
  out.copyWithin(at, at - distance, at - distance + written)
  while (written < length) {
    const chunk = Math.min(distance + written, length - written)
    out.copyWithin(at + written, at - distance, at - distance + chunk)
    written += chunk
  }
}

export function copyLiterals(from: Uint8Array, start: number, out: Uint8Array, at: number, length: number): void {
  if (length < BULK_LENGTH_MIN) {
    for (let i = 0; i < length; i++) out[at + i] = from[start + i]!
    return
  }
  out.set(from.subarray(start, start + length), at)
}
