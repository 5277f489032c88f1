/**
 * A map for states that are never changed: `with` gives the next version, and each version stays what it is.
 *
 *   a ──► b ──► c        c, the newest, has the entries; a and b only know what their next version has otherwise
 *
 * `with` takes O(1), for a version hands its entries on to the next. One that is read after that first makes entries of its own, O(n): so it is cheap where
 * every version is made of the newest, as a group's states are, and right everywhere. Whoever iterates is done before the next `with`.
 */
export class VersionedMap<K, V extends NonNullable<unknown>> implements ReadonlyMap<K, V> {
  #entries: Map<K, V>
  #overtaken: Overtaken<K, V> | undefined

  /** Takes the entries over. */
  constructor(entries: Map<K, V>) {
    this.#entries = entries
  }

  with(key: K, value: V): VersionedMap<K, V> {
    const entries = this.#own()
    const next = new VersionedMap(entries)
    this.#overtaken = { next, key, value: entries.get(key) }
    entries.set(key, value)
    return next
  }

  get size(): number {
    return this.#own().size
  }

  get(key: K): V | undefined {
    return this.#own().get(key)
  }

  has(key: K): boolean {
    return this.#own().has(key)
  }

  keys(): MapIterator<K> {
    return this.#own().keys()
  }

  values(): MapIterator<V> {
    return this.#own().values()
  }

  entries(): MapIterator<[K, V]> {
    return this.#own().entries()
  }

  [Symbol.iterator](): MapIterator<[K, V]> {
    return this.entries()
  }

  forEach(call: (value: V, key: K, map: ReadonlyMap<K, V>) => void): void {
    for (const [key, value] of this) call(value, key, this)
  }

  #own(): Map<K, V> {
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

/** The map with one entry more, or another in its place. */
export function mapWith<K, V extends NonNullable<unknown>>(
  map: ReadonlyMap<K, V>,
  key: K,
  value: V,
): ReadonlyMap<K, V> {
  return (map instanceof VersionedMap ? (map as VersionedMap<K, V>) : new VersionedMap(new Map(map))).with(key, value)
}
