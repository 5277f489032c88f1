/** From values to bytes and back. Null never comes here: a null key or value is null on the wire. */

export interface Serializer<in T> {
  serialize(value: T, topic: string): Uint8Array
}

export interface Deserializer<out T> {
  /** `bytes` is a view of the response: what is kept longer must be copied. */
  deserialize(bytes: Buffer, topic: string): T
}

export interface Serde<in out T> extends Serializer<T>, Deserializer<T> {}

const string: Serde<string> = {
  serialize: value => Buffer.from(value),
  deserialize: bytes => bytes.toString('utf8'),
}

const bytes: Serializer<Uint8Array> & Deserializer<Buffer> = {
  serialize: value => value,
  deserialize: value => value,
}

/** What a producer uses when no serializer is given: text becomes UTF-8, bytes stay as they are. */
const bytesOrText: Serializer<Uint8Array | string> = {
  serialize(value) {
    if (typeof value === 'string') return Buffer.from(value)
    if (value instanceof Uint8Array) return value
    throw new TypeError(`a ${typeof value} needs a serializer: only text and bytes go without`)
  },
}

function fixed<T>(size: number, write: (to: Buffer, value: T) => unknown, read: (from: Buffer) => T): Serde<T> {
  return {
    serialize(value) {
      const to = Buffer.allocUnsafe(size)
      write(to, value)
      return to
    },
    deserialize(from) {
      if (from.length !== size) throw new RangeError(`${from.length} bytes where ${size} are wanted`)
      return read(from)
    },
  }
}

/**
 * Serializers and deserializers for common types, compatible with the ones of Kafka's Java client (big-endian numbers, UTF-8 text).
 *
 * @example
 * ```ts
 * await using producer = new Producer({ bootstrap, key: serdes.string, value: serdes.json<{ total: number }>() })
 * await producer.send({ topic: 'orders', key: 'o-1', value: { total: 42 } })
 * ```
 */
export const serdes = {
  string,
  bytes,
  bytesOrText,
  /** JSON as UTF-8. The type is the caller's word: nothing is checked when reading. */
  json: <T>(): Serde<T> => ({
    serialize: value => Buffer.from(JSON.stringify(value)),
    deserialize: from => JSON.parse(from.toString('utf8')) as T,
  }),
  int32: fixed<number>(
    4,
    (to, value) => to.writeInt32BE(value),
    from => from.readInt32BE(),
  ),
  long: fixed<bigint>(
    8,
    (to, value) => to.writeBigInt64BE(value),
    from => from.readBigInt64BE(),
  ),
  double: fixed<number>(
    8,
    (to, value) => to.writeDoubleBE(value),
    from => from.readDoubleBE(),
  ),
} as const
