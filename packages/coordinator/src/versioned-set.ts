import { mapWith, mapWithout, VersionedMap } from './versioned-map.ts'

/** What a state needs of a set. A plain one will do. */
export interface SetView<T> extends Iterable<T> {
  readonly size: number
  has(value: T): boolean
}

/** A `VersionedMap` without values. */
export class VersionedSet<T> implements SetView<T> {
  readonly #values: ReadonlyMap<T, true>

  private constructor(values: ReadonlyMap<T, true>) {
    this.#values = values
  }

  static of<T>(values: Iterable<T>): VersionedSet<T> {
    const entries = new Map<T, true>()
    for (const value of values) entries.set(value, true)
    return new VersionedSet(new VersionedMap(entries))
  }

  get size(): number {
    return this.#values.size
  }

  has(value: T): boolean {
    return this.#values.has(value)
  }

  [Symbol.iterator](): Iterator<T> {
    return this.#values.keys()
  }

  with(value: T): VersionedSet<T> {
    return new VersionedSet(mapWith(this.#values, value, true))
  }

  without(value: T): VersionedSet<T> {
    return new VersionedSet(mapWithout(this.#values, value))
  }
}

export function setWith<T>(set: SetView<T>, value: T): SetView<T> {
  return versioned(set).with(value)
}

export function setWithout<T>(set: SetView<T>, value: T): SetView<T> {
  return set.has(value) ? versioned(set).without(value) : set
}

function versioned<T>(set: SetView<T>): VersionedSet<T> {
  return set instanceof VersionedSet ? (set as VersionedSet<T>) : VersionedSet.of(set)
}
