/**
 * A message is described once, as data, for all the versions it ever had. `interpret.ts` walks the description and is the reference;
 * `compile.ts` turns it into code for one version and is what runs.
 */
import type { EncodedArray } from './encoded-array.ts'

export type Type = Scalar | Text | ArrayType | StructType

export type ScalarKind =
  | 'bool'
  | 'int8'
  | 'int16'
  | 'uint16'
  | 'int32'
  | 'uint32'
  | 'long'
  | 'position'
  | 'float64'
  | 'uuid'
export interface Scalar {
  readonly kind: ScalarKind
}
/** `records` is a list of views that are joined on the wire, so that a fetch copies nothing; it always reads as one view. */
export interface Text {
  readonly kind: 'string' | 'bytes' | 'records'
  /** A sentence for people: rather cut short than not sent, for it may repeat whatever a client wrote. */
  readonly isClipped?: boolean
}
export interface ArrayType {
  readonly kind: 'array'
  readonly of: Type
  /** An encoder takes an `EncodedArray` as well. */
  readonly isEncodable?: boolean
}
export interface StructType {
  readonly kind: 'struct'
  readonly fields: readonly NamedField[]
}

/** What a field says beside its type. */
export interface FieldSpec {
  readonly type: Type
  readonly zero: unknown
  readonly since: number
  readonly until: number
  /** The versions in which null may be sent; none by default. */
  readonly nullable: VersionRange | undefined
  /** The tagged fields of a message travel in its tagged section, sorted by this number, and only when they differ from `zero`. */
  readonly tag: number | undefined
  /** A field that is not ignorable, differs from `zero` and does not exist in the version is an error of the sender. */
  readonly ignorable: boolean
}

export interface NamedField extends FieldSpec {
  readonly name: string
}

export interface VersionRange {
  readonly since: number
  readonly until: number
}

/** The point in the protocol that a message is bound to. */
export interface At {
  readonly version: number
  readonly flexible: boolean
}

export const isNullable = (field: FieldSpec, version: number): boolean =>
  field.nullable !== undefined && version >= field.nullable.since && version <= field.nullable.until

export const isLive = (field: FieldSpec, version: number): boolean => version >= field.since && version <= field.until

/**
 * One field of a message. Nothing is ever assigned to the `~` slots: TypeScript reads from them the type of a decoded value, the type that
 * an encoder takes, and whether the encoder may be given nothing.
 */
export class Field<out T, out Input, out Optional extends boolean> {
  declare readonly '~type': T
  declare readonly '~input': Input
  declare readonly '~optional': Optional
  readonly spec: FieldSpec

  constructor(spec: FieldSpec) {
    this.spec = spec
  }

  since(version: number): Field<T, Input, Optional> {
    return new Field({ ...this.spec, since: version })
  }

  /** A field that has gone is at its default in later versions, and may be left out. */
  until(version: number): Field<T, Input, true> {
    return new Field({ ...this.spec, until: version })
  }

  /** Null may be sent from `since` to `until`; elsewhere it is an error on both sides. */
  nullable(since = 0, until: number = Number.MAX_SAFE_INTEGER): Field<T | null, Input | null, Optional> {
    return new Field({ ...this.spec, nullable: { since, until } })
  }

  tag(tag: number): Field<T, Input, true> {
    return new Field({ ...this.spec, tag })
  }

  default(zero: T): Field<T, Input, true> {
    return new Field({ ...this.spec, zero })
  }

  ignorable(): Field<T, Input, true> {
    return new Field({ ...this.spec, ignorable: true })
  }
}

export type AnyField = Field<unknown, unknown, boolean>

function field<T, Input = T>(type: Type, zero: T): Field<T, Input, false> {
  return new Field({
    type,
    zero,
    since: 0,
    until: Number.MAX_SAFE_INTEGER,
    nullable: undefined,
    tag: undefined,
    ignorable: false,
  })
}

export const ZERO_UUID = 'AAAAAAAAAAAAAAAAAAAAAA'
const noBytes = Buffer.alloc(0)
/** Frozen, because every value that lacks the field shares it. */
const noElements = Object.freeze([]) as readonly never[]

export const bool = (): Field<boolean, boolean, false> => field({ kind: 'bool' }, false)
export const int8 = (): Field<number, number, false> => field({ kind: 'int8' }, 0)
export const int16 = (): Field<number, number, false> => field({ kind: 'int16' }, 0)
export const uint16 = (): Field<number, number, false> => field({ kind: 'uint16' }, 0)
export const int32 = (): Field<number, number, false> => field({ kind: 'int32' }, 0)
export const uint32 = (): Field<number, number, false> => field({ kind: 'uint32' }, 0)
export const long = (): Field<number, number, false> => field({ kind: 'long' }, 0)
/**
 * An int64 that says where to look in a log, by offset or by time. Beyond the safe integers it reads as the nearest of them: clients ask for the end of all
 * time with the largest int64, and nothing is there either way.
 */
export const position = (): Field<number, number, false> => field({ kind: 'position' }, 0)
export const float64 = (): Field<number, number, false> => field({ kind: 'float64' }, 0)
export const uuid = (): Field<string, string, false> => field({ kind: 'uuid' }, ZERO_UUID)
export const string = (): Field<string, string, false> => field({ kind: 'string' }, '')
/** An error message. On the wire it is a string. */
export const sentence = (): Field<string, string, false> => field({ kind: 'string', isClipped: true }, '')
export const bytes = (): Field<Buffer, Uint8Array, false> => field({ kind: 'bytes' }, noBytes)
export const records = (): Field<readonly Buffer[] | null, readonly Buffer[] | null, false> =>
  field<readonly Buffer[] | null>({ kind: 'records' }, null).nullable()

export function array<T, Input>(of: Field<T, Input, boolean>): Field<readonly T[], readonly Input[], false> {
  return field<readonly T[], readonly Input[]>({ kind: 'array', of: of.spec.type }, noElements)
}

/** A long array that hardly changes may be encoded once (`arrayEncoder`) and sent often. */
export function encodableArray<T, Input>(
  of: Field<T, Input, boolean>,
): Field<readonly T[], readonly Input[] | EncodedArray, false> {
  return field<readonly T[], readonly Input[] | EncodedArray>(
    { kind: 'array', of: of.spec.type, isEncodable: true },
    noElements,
  )
}

export type Fields = Readonly<Record<string, AnyField>>

/** One mapped type over one level; whatever is nested has already been folded into the slots. */
export type Shape<F extends Fields> = { readonly [K in keyof F]: F[K]['~type'] }

type RequiredKeys<F extends Fields> = { [K in keyof F]: F[K]['~optional'] extends true ? never : K }[keyof F]
type OptionalKeys<F extends Fields> = { [K in keyof F]: F[K]['~optional'] extends true ? K : never }[keyof F]
export type Input<F extends Fields> = { readonly [K in RequiredKeys<F>]: F[K]['~input'] } & {
  readonly [K in OptionalKeys<F>]?: F[K]['~input'] | undefined
}

export function struct<F extends Fields>(fields: F): Field<Shape<F>, Input<F>, false> {
  const named = Object.entries(fields).map(([name, f]): NamedField => ({ name, ...f.spec }))
  const zero = Object.freeze(Object.fromEntries(named.map(f => [f.name, f.zero])))
  return field<Shape<F>, Input<F>>({ kind: 'struct', fields: named }, zero as Shape<F>)
}
