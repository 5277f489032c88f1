/**
 * A map for states that are never changed: `with` and `without` give the next version, and each version stays what it is.
 *
 *   a ──► b ──► c        c, the newest, has the entries; a and b only know what their next version has otherwise
 *
 * Both take O(1), for a version hands its entries on to the next. One that is read after that first makes entries of its own, O(n): so it is cheap where
 * every version is made of the newest, as a group's states are, and right everywhere. Whoever iterates is done before the next version is made.
 *
 * What is taken out leaves a gap in its place, so that an older version finds its order again. When half of the entries are gaps, the next version gets entries of
 * its own without them, which the many that came before have paid for.
 */
export class VersionedMap<K, V extends NonNullable<unknown>> implements ReadonlyMap<K, V> {
  /** Undefined is a gap. */
  #entries: Map<K, V | undefined>
  #overtaken: Overtaken<K, V> | undefined
  readonly size: number

  /** Takes the entries over. */
  constructor(entries: Map<K, V>)
  constructor(entries: Map<K, V | undefined>, size: number)
  constructor(entries: Map<K, V | undefined>, size: number = entries.size) {
    this.#entries = entries
    this.size = size
  }

  /** Of entries that were taken out, to see that they do not pile up. */
  get gapCount(): number {
    return this.#own().size - this.size
  }

  with(key: K, value: V): VersionedMap<K, V> {
    const entries = this.#own()
    const before = entries.get(key)
    // A key that comes again comes last, and an older version still needs its gap.
    if (before === undefined && entries.has(key)) return new VersionedMap(new Map(this).set(key, value))
    const next = new VersionedMap(entries, before === undefined ? this.size + 1 : this.size)
    this.#overtaken = { next, key, value: before }
    entries.set(key, value)
    return next
  }

  /** The very same map where the key is not in it. */
  without(key: K): VersionedMap<K, V> {
    const entries = this.#own()
    const before = entries.get(key)
    if (before === undefined) return this
    if (this.gapCount >= this.size) {
      const rest = new Map(this)
      rest.delete(key)
      return new VersionedMap(rest)
    }
    const next = new VersionedMap(entries, this.size - 1)
    this.#overtaken = { next, key, value: before }
    entries.set(key, undefined)
    return next
  }

  get(key: K): V | undefined {
    return this.#own().get(key)
  }

  has(key: K): boolean {
    return this.get(key) !== undefined
  }

  keys(): MapIterator<K> {
    const entries = this.#own()
    return entries.size === this.size ? entries.keys() : filled(entries).map(([key]) => key)
  }

  values(): MapIterator<V> {
    const entries = this.#own()
    return entries.size === this.size ? (entries as Map<K, V>).values() : filled(entries).map(([, value]) => value)
  }

  entries(): MapIterator<[K, V]> {
    const entries = this.#own()
    return entries.size === this.size ? (entries as Map<K, V>).entries() : filled(entries)
  }

  [Symbol.iterator](): MapIterator<[K, V]> {
    return this.entries()
  }

  forEach(call: (value: V, key: K, map: ReadonlyMap<K, V>) => void): void {
    for (const [key, value] of this) call(value, key, this)
  }

  #own(): Map<K, V | undefined> {
    if (this.#overtaken !== undefined) this.#comeBack()
    return this.#entries
  }

  /** From the newest version back: what came in last leaves first, so that the order is right too. */
  #comeBack(): void {
    const trail: Overtaken<K, V>[] = []
    let newest: VersionedMap<K, V> = this
    for (let at = this.#overtaken; at !== undefined; at = newest.#overtaken) {
      trail.push(at)
      newest = at.next
    }
    this.#entries = new Map(newest.#entries)
    this.#overtaken = undefined
    for (const { key, value } of trail.reverse()) {
      if (value === undefined) this.#entries.delete(key)
      else this.#entries.set(key, value)
    }
  }
}

interface Overtaken<K, V extends NonNullable<unknown>> {
  readonly next: VersionedMap<K, V>
  readonly key: K
  /** What this version has at the key; undefined: nothing. */
  readonly value: V | undefined
}

function* filled<K, V>(entries: Map<K, V | undefined>): MapIterator<[K, V]> {
  for (const [key, value] of entries) if (value !== undefined) yield [key, value]
}

/** The map with one entry more, or another in its place. */
export function mapWith<K, V extends NonNullable<unknown>>(
  map: ReadonlyMap<K, V>,
  key: K,
  value: V,
): ReadonlyMap<K, V> {
  return versioned(map).with(key, value)
}

export function mapWithout<K, V extends NonNullable<unknown>>(map: ReadonlyMap<K, V>, key: K): ReadonlyMap<K, V> {
  return map.has(key) ? versioned(map).without(key) : map
}

function versioned<K, V extends NonNullable<unknown>>(map: ReadonlyMap<K, V>): VersionedMap<K, V> {
  return map instanceof VersionedMap ? (map as VersionedMap<K, V>) : new VersionedMap(new Map(map))
}
