/**
 * Turns the description of a message into one reader and one writer for one version.
 *
 * Generated code gives each struct its own call sites and its own object literal, as hand-written code does; a loop over fields has neither and takes
 * twice as long for a large response. Names come from our own definitions, never from the wire.
 */
import { MalformedError, UnsupportedVersionError } from '../wire/malformed.ts'
import type { Reader } from '../wire/reader.ts'
import { Writer } from '../wire/writer.ts'
import { EncodedArray } from './encoded-array.ts'
import { type ArrayType, type At, isLive, isNullable, type NamedField, type StructType, type Type } from './field.ts'
import { clipped, isZero, recordsLength, refuseUnlessZero, stringLength } from './interpret.ts'

export function compileReader<T>(type: StructType, at: At): (r: Reader) => T {
  const code = new Code(at)
  const result = code.readStruct(type)
  return code.link(['r'], `${code.body()}\nreturn ${result}`) as (r: Reader) => T
}

export function compileWriter<T>(type: StructType, at: At): (w: Writer, value: T) => void {
  const code = new Code(at)
  code.writeStruct(type, 'value')
  return code.link(['w', 'value'], code.body()) as (w: Writer, value: T) => void
}

/** For the elements of an array, its length before them. */
export function compileArrayWriter<T>(type: ArrayType, at: At, name: string): (w: Writer, value: readonly T[]) => void {
  const code = new Code(at)
  code.writeArray(type, 'value', name)
  return code.link(['w', 'value'], code.body()) as (w: Writer, value: readonly T[]) => void
}

/** What generated code calls beside the reader and the writer. */
const runtime = {
  nullIn(name: string): never {
    throw new MalformedError(`null in ${name}, which may not be null`)
  },
  cannotBeNull(name: string, version: number): never {
    throw new UnsupportedVersionError(`version ${version} cannot carry null in ${name}`)
  },
  refuseUnlessZero,
  clipped,
  isZero,
  stringLength,
  recordsLength,
  newWriter: () => new Writer(64),
  EncodedArray,
}

class Code {
  readonly #at: At
  readonly #lines: string[] = []
  /** Values that the code refers to by `k[i]`: defaults and field descriptions. */
  readonly #constants: unknown[] = []
  #names = 0
  #writer = 'w'

  constructor(at: At) {
    this.#at = at
  }

  body(): string {
    return this.#lines.join('\n')
  }

  /** `k` and `$` are arguments of the outer function, so that the inner one closes over them as constants. */
  link(parameters: string[], body: string): unknown {
    return new Function('k', '$', `return (${parameters.join(', ')}) => {\n${body}\n}`)(this.#constants, runtime)
  }

  #emit(line: string): void {
    this.#lines.push(line)
  }

  #name(prefix: string): string {
    return `${prefix}${this.#names++}`
  }

  #constant(value: unknown): string {
    if (value === null || typeof value === 'number' || typeof value === 'boolean' || typeof value === 'string')
      return JSON.stringify(value)
    this.#constants.push(value)
    return `k[${this.#constants.length - 1}]`
  }

  #inPlace(f: NamedField): boolean {
    return isLive(f, this.#at.version) && !(f.tag !== undefined && this.#at.flexible)
  }

  #tagged(type: StructType): NamedField[] {
    const live = type.fields.filter(f => f.tag !== undefined && isLive(f, this.#at.version))
    return this.#at.flexible ? live.sort((a, b) => a.tag! - b.tag!) : []
  }

  readStruct(type: StructType): string {
    const parts = type.fields.map(f => {
      const v = this.#name('v')
      if (this.#inPlace(f))
        this.#emit(`const ${v} = ${this.#readValue(f.type, isNullable(f, this.#at.version), f.name)}`)
      else this.#emit(`let ${v} = ${this.#constant(f.zero)}`)
      return { f, v }
    })
    if (this.#at.flexible) {
      const tagged = new Set(this.#tagged(type))
      this.#readTags(parts.filter(({ f }) => tagged.has(f)))
    }
    return `{ ${parts.map(({ f, v }) => `${f.name}: ${v}`).join(', ')} }`
  }

  #readTags(parts: { f: NamedField; v: string }[]): void {
    const left = this.#name('n')
    const tag = this.#name('t')
    const end = this.#name('e')
    this.#emit(`for (let ${left} = r.tagCount(); ${left} > 0; ${left}--) {`)
    this.#emit(`const ${tag} = r.uvarint(), ${end} = r.tagEnd(r.uvarint())`)
    this.#emit(`switch (${tag}) {`)
    for (const { f, v } of parts) {
      this.#emit(`case ${f.tag}: {`)
      const nullable = isNullable(f, this.#at.version)
      if (f.type.kind === 'struct' && nullable) this.#emit(`if (r.uvarint() === 0) ${v} = null; else {`)
      const value = f.type.kind === 'struct' ? this.readStruct(f.type) : this.#readValue(f.type, nullable, f.name)
      this.#emit(`${v} = ${value}`)
      if (f.type.kind === 'struct' && nullable) this.#emit('}')
      this.#emit('break }')
    }
    this.#emit(`default: r.offset = ${end}`)
    this.#emit(`}\nr.expectOffset(${end})\n}`)
  }

  /** Emits what must come first and returns the expression of the value. */
  #readValue(type: Type, nullable: boolean, name: string): string {
    switch (type.kind) {
      case 'struct':
        return nullable ? this.#readNullableStruct(type) : this.readStruct(type)
      case 'string':
        return this.#readSized(type.kind, n => `r.utf8(${n})`, nullable, name)
      case 'bytes':
        return this.#readSized(type.kind, n => `r.bytes(${n})`, nullable, name)
      case 'records':
        return this.#readSized(type.kind, n => `[r.bytes(${n})]`, nullable, name)
      case 'array':
        return this.#readArray(type.of, nullable, name)
      default:
        return `r.${type.kind}()`
    }
  }

  #readNullableStruct(type: StructType): string {
    const v = this.#name('v')
    this.#emit(`let ${v} = null\nif (r.int8() >= 0) {`)
    this.#emit(`${v} = ${this.readStruct(type)}\n}`)
    return v
  }

  #readLength(kind: string): string {
    const n = this.#name('n')
    const read = this.#at.flexible ? 'r.uvarint() - 1' : kind === 'string' ? 'r.int16()' : 'r.int32()'
    this.#emit(`const ${n} = ${read}`)
    return n
  }

  #readSized(kind: string, of: (length: string) => string, nullable: boolean, name: string): string {
    const n = this.#readLength(kind)
    const absent = nullable ? 'null' : `$.nullIn(${JSON.stringify(name)})`
    return `${n} < 0 ? ${absent} : ${of(n)}`
  }

  #readArray(of: Type, nullable: boolean, name: string): string {
    const n = this.#readLength('array')
    const v = this.#name('v')
    const i = this.#name('i')
    this.#emit(`let ${v} = null\nif (${n} >= 0) {\n${v} = []`)
    this.#emit(`for (let ${i} = r.elements(${n}); ${i} > 0; ${i}--) {`)
    this.#emit(`${v}.push(${this.#readValue(of, false, name)})\n}\n}`)
    if (!nullable) this.#emit(`else $.nullIn(${JSON.stringify(name)})`)
    return v
  }

  writeStruct(type: StructType, value: string): void {
    const tagged = this.#tagged(type)
    const variables = new Map<NamedField, string>()
    for (const f of type.fields) {
      const v = this.#name('v')
      variables.set(f, v)
      this.#emit(`const ${v} = ${value}.${f.name} === undefined ? ${this.#constant(f.zero)} : ${value}.${f.name}`)
      if (this.#inPlace(f)) this.#writeValue(f.type, v, isNullable(f, this.#at.version), f.name)
      else if (!isLive(f, this.#at.version) && !f.ignorable)
        this.#emit(
          `if (${v} !== ${this.#constant(f.zero)}) $.refuseUnlessZero(${this.#constant(f)}, ${v}, ${this.#constant(this.#at)})`,
        )
    }
    if (this.#at.flexible) this.#writeTags(tagged.map(f => ({ f, v: variables.get(f)! })))
  }

  #writeTags(parts: { f: NamedField; v: string }[]): void {
    const outer = this.#writer
    if (parts.length === 0) return this.#emit(`${outer}.uvarint(0)`)
    const present = parts.map(({ f, v }) => {
      const p = this.#name('p')
      this.#emit(`const ${p} = ${v} !== ${this.#constant(f.zero)} && !$.isZero(${this.#constant(f)}, ${v})`)
      return p
    })
    this.#emit(`${outer}.uvarint(${present.join(' + ')})`)
    for (const [i, { f, v }] of parts.entries()) {
      this.#writer = this.#name('w')
      this.#emit(`if (${present[i]}) {\nconst ${this.#writer} = $.newWriter()`)
      this.#writeTagged(f, v)
      this.#emit(`${outer}.uvarint(${f.tag})\n${outer}.uvarint(${this.#writer}.length)`)
      this.#emit(`for (const chunk of ${this.#writer}.chunks()) ${outer}.bytes(chunk)\n}`)
      this.#writer = outer
    }
  }

  #writeTagged(f: NamedField, v: string): void {
    const nullable = isNullable(f, this.#at.version)
    if (f.type.kind !== 'struct' || !nullable) return this.#writeValue(f.type, v, nullable, f.name)
    this.#emit(`${this.#writer}.uvarint(${v} === null ? 0 : 1)\nif (${v} !== null) {`)
    this.writeStruct(f.type, v)
    this.#emit('}')
  }

  #writeValue(type: Type, v: string, nullable: boolean, name: string): void {
    const w = this.#writer
    if (type.kind !== 'struct' && !isSized(type)) return this.#emit(`${w}.${type.kind}(${v})`)
    if (!nullable) this.#emit(`if (${v} === null) $.cannotBeNull(${JSON.stringify(name)}, ${this.#at.version})`)
    if (type.kind === 'struct') {
      if (nullable) this.#emit(`${w}.int8(${v} === null ? -1 : 1)\nif (${v} !== null)`)
      this.#emit('{')
      this.writeStruct(type, v)
      return this.#emit('}')
    }
    const isEncodable = type.kind === 'array' && type.isEncodable === true
    if (isEncodable)
      this.#emit(`if (${v} instanceof $.EncodedArray) ${w}.bytes(${v}.bytesOf(${this.#at.version})); else {`)
    this.#writeSized(type, 'isClipped' in type ? this.#clip(v) : v, name)
    if (isEncodable) this.#emit('}')
  }

  writeArray(type: ArrayType, v: string, name: string): void {
    this.#writeSized(type, v, name)
  }

  #clip(v: string): string {
    const text = this.#name('v')
    this.#emit(`const ${text} = $.clipped(${v})`)
    return text
  }

  #writeSized(type: SizedType, v: string, name: string): void {
    const w = this.#writer
    const n = this.#name('n')
    this.#emit(`const ${n} = ${v} === null ? -1 : ${lengthExpression(type.kind, v)}`)
    this.#emit(
      this.#at.flexible ? `${w}.uvarint(${n} + 1)` : `${w}.${type.kind === 'string' ? 'int16' : 'int32'}(${n})`,
    )
    this.#emit(`if (${n} >= 0) {`)
    if (type.kind === 'array') this.#writeElements(type.of, v, name)
    else if (type.kind === 'records') this.#emit(`for (const view of ${v}) ${w}.bytes(view)`)
    else this.#emit(type.kind === 'string' ? `${w}.utf8(${v}, ${n})` : `${w}.bytes(${v})`)
    this.#emit('}')
  }

  #writeElements(of: Type, v: string, name: string): void {
    const x = this.#name('x')
    this.#emit(`for (const ${x} of ${v}) {`)
    this.#writeValue(of, x, false, name)
    this.#emit('}')
  }
}

type SizedType = Extract<Type, { kind: 'string' | 'bytes' | 'records' | 'array' }>
const isSized = (type: Type): type is SizedType =>
  type.kind === 'string' || type.kind === 'bytes' || type.kind === 'records' || type.kind === 'array'

function lengthExpression(kind: SizedType['kind'], v: string): string {
  if (kind === 'string') return `$.stringLength(${v})`
  if (kind === 'records') return `$.recordsLength(${v})`
  return `${v}.length`
}
