import { KafkaError } from '../../errors.ts'
import type { Assignor } from './assignor.ts'
import { range } from './range.ts'
import { roundRobin } from './round-robin.ts'
import { cooperativeSticky, sticky } from './sticky.ts'

export type AssignorName = 'range' | 'roundrobin' | 'sticky' | 'cooperative-sticky'

export const assignors: Readonly<Record<AssignorName, Assignor>> = {
  range,
  roundrobin: roundRobin,
  sticky,
  'cooperative-sticky': cooperativeSticky,
}

export function assignorOf(assignor: AssignorName | Assignor): Assignor {
  if (typeof assignor !== 'string') return assignor
  const known = assignors[assignor]
  if (known === undefined)
    throw new KafkaError(
      'INVALID_ARGUMENT',
      `there is no assignor '${assignor}': ${Object.keys(assignors).join(', ')} are known`,
    )
  return known
}
