/** An array as one version has it on the wire, its length before its elements. A message holds it in the place of the elements (`encodableArray`). */
export class EncodedArray {
  readonly #bytes: Buffer
  readonly #version: number

  /** `bytes` are never changed: many messages may be on their way with a view of them. */
  constructor(bytes: Buffer, version: number) {
    this.#bytes = bytes
    this.#version = version
  }

  get sizeBytes(): number {
    return this.#bytes.length
  }

  bytesOf(version: number): Buffer {
    if (version !== this.#version) throw new RangeError(`encoded for version ${this.#version}, not for ${version}`)
    return this.#bytes
  }
}
