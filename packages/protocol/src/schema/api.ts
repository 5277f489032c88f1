import { MalformedError } from '../wire/malformed.ts'
import { Reader } from '../wire/reader.ts'
import { Writer } from '../wire/writer.ts'
import { compileArrayWriter, compileReader, compileWriter } from './compile.ts'
import { EncodedArray } from './encoded-array.ts'
import {
  type ArrayType,
  type At,
  type Field,
  type Fields,
  type Input,
  type Shape,
  type StructType,
  struct,
} from './field.ts'

interface Bound<T, In> {
  read(r: Reader): T
  write(w: Writer, value: In): void
}

/** One side of an API, or another versioned structure, at every version it ever had. */
export class Message<out T, In> {
  declare readonly '~type': T
  declare readonly '~input': In
  readonly type: StructType
  readonly #flexible: number
  readonly #bound: (Bound<T, In> | undefined)[] = []

  constructor(body: Field<T, In, boolean>, flexible: number) {
    this.type = body.spec.type as StructType
    this.#flexible = flexible
  }

  /** Views of `frame` are handed out for bytes and records: the value lives as long as the frame does. Throws `MalformedError`. */
  decode(frame: Buffer, version: number, offset = 0): T {
    const r = new Reader(frame, offset)
    const value = this.read(r, version)
    if (r.remaining > 0) throw new MalformedError(`${r.remaining} bytes after the end of the message`)
    return value
  }

  encode(value: In, version: number): Buffer {
    const w = new Writer()
    this.write(w, value, version)
    return w.finish()
  }

  read(r: Reader, version: number): T {
    return this.#at(version).read(r)
  }

  /** Fields left out are at their defaults. Throws `UnsupportedVersionError` for a value that the version cannot carry. */
  write(w: Writer, value: In, version: number): void {
    this.#at(version).write(w, value)
  }

  /** Where in the protocol the version stands, for the reference interpreter. */
  at(version: number): At {
    return { version, flexible: version >= this.#flexible }
  }

  /** Code is generated when a version is first used: nobody uses all of them. */
  #at(version: number): Bound<T, In> {
    let bound = this.#bound[version]
    if (bound === undefined) {
      const at = this.at(version)
      bound = {
        read: lazily(() => compileReader<T>(this.type, at)),
        write: lazily(() => compileWriter<In>(this.type, at)),
      }
      this.#bound[version] = bound
    }
    return bound
  }
}

function lazily<A extends unknown[], R>(make: () => (...args: A) => R): (...args: A) => R {
  let made: ((...args: A) => R) | undefined
  return (...args) => (made ??= make())(...args)
}

export interface Api<out Request, RequestInput, out Response, ResponseInput> {
  readonly name: string
  readonly key: number
  readonly versions: readonly [min: number, max: number]
  readonly flexible: number
  readonly request: Message<Request, RequestInput>
  readonly response: Message<Response, ResponseInput>
}

interface ApiSpec<Q extends Fields, R extends Fields> {
  readonly name: string
  readonly key: number
  /** All that Kafka 4.4 serves. */
  readonly versions: readonly [min: number, max: number]
  /** First flexible version; Infinity for an API that never became flexible. */
  readonly flexible: number
  readonly request: Q
  readonly response: R
}

export function api<Q extends Fields, R extends Fields>(
  spec: ApiSpec<Q, R>,
): Api<Shape<Q>, Input<Q>, Shape<R>, Input<R>> {
  const { name, key, versions, flexible } = spec
  return {
    name,
    key,
    versions,
    flexible,
    request: new Message(struct(spec.request), flexible),
    response: new Message(struct(spec.response), flexible),
  }
}

export function message<F extends Fields>(flexible: number, fields: F): Message<Shape<F>, Input<F>> {
  return new Message(struct(fields), flexible)
}

/** Encodes what an `encodableArray` holds; its message becomes flexible with version `flexible`. */
export function arrayEncoder<T, Element>(
  field: Field<readonly T[], readonly Element[] | EncodedArray, boolean>,
  flexible: number,
): (elements: readonly Element[], version: number) => EncodedArray {
  const writers: ((w: Writer, elements: readonly Element[]) => void)[] = []
  return (elements, version) => {
    const at = { version, flexible: version >= flexible }
    const write = (writers[version] ??= compileArrayWriter<Element>(field.spec.type as ArrayType, at, 'array'))
    const w = new Writer()
    write(w, elements)
    // Without the room that the writer grew by and did not use, and without a part of a slab that it would hold on to.
    const bytes = Buffer.allocUnsafeSlow(w.length)
    w.finish().copy(bytes)
    return new EncodedArray(bytes, version)
  }
}

export type Infer<M extends { readonly '~type': unknown }> = M['~type']
export type InferInput<M extends { readonly '~input': unknown }> = M['~input']
