/** The ids that a catalog gives out. */
import type { Random } from '@millrace/base'
import { CatalogError } from './catalog.ts'

/** 128 random bits in Kafka's text form. Like Kafka's own it never begins with a dash, which command lines would take for an option. */
export function newClusterId(random: Random): string {
  for (;;) {
    const id = random.bytes(16).toString('base64url')
    if (!id.startsWith('-')) return id
  }
}

/** The first id of a block of `count`, given the next free one. */
export function producerIdBlock(next: number, count: number): number {
  if (next + count > Number.MAX_SAFE_INTEGER)
    throw new CatalogError('UNAVAILABLE', 'all producer ids have been given out')
  return next
}
