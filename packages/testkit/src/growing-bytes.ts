export interface PendingWrite {
  readonly position: number
  readonly bytes: Buffer
}

export const NOTHING = Buffer.alloc(0)

/** The bytes of a file. They grow by doubling; what was never written is zeros. */
export class GrowingBytes {
  bytes: Buffer
  #room: Buffer

  constructor(content: Buffer) {
    this.#room = Buffer.from(content)
    this.bytes = this.#room
  }

  get length(): number {
    return this.bytes.length
  }

  write({ position, bytes }: PendingWrite): void {
    if (position + bytes.length > this.bytes.length) this.resize(position + bytes.length)
    bytes.copy(this.bytes, position)
  }

  resize(size: number): void {
    if (size > this.#room.length) {
      this.#room = Buffer.alloc(Math.max(size, this.#room.length * 2, 256))
      this.bytes.copy(this.#room)
    } else if (size < this.bytes.length) this.#room.fill(0, size, this.bytes.length)
    this.bytes = this.#room.subarray(0, size)
  }

  replace(content: Buffer): void {
    this.#room = Buffer.from(content)
    this.bytes = this.#room
  }
}
