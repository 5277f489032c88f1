import { type TopicPartition, topicPartitionKey } from '../../record.ts'
import type { Assignor } from './assignor.ts'
import { balance, currentOwners } from './balance.ts'
import { cooperativeOwned, encodeCooperativeUserData, encodeStickyUserData, stickyOwned } from './sticky-user-data.ts'

/** Fair, and moves as little as possible from one rebalance to the next; everyone still stops while the group rebalances. */
export const sticky: Assignor = {
  name: 'sticky',
  protocol: 'eager',
  assign: input => balance(input, stickyOwned),
  userData: encodeStickyUserData,
}

/**
 * As `sticky`, and members go on reading what they keep. A partition that moves is given to nobody at first: its owner gives it up and joins again, and the
 * next round gives it away.
 */
export const cooperativeSticky: Assignor = {
  name: 'cooperative-sticky',
  protocol: 'cooperative',
  assign(input) {
    const target = balance(input, cooperativeOwned)
    const claimed = new Map<string, Set<string>>()
    for (const member of input.members)
      for (const { topic, partition } of member.ownedPartitions) {
        const key = topicPartitionKey(topic, partition)
        claimed.set(key, (claimed.get(key) ?? new Set()).add(member.memberId))
      }
    const owners = currentOwners(input.members, cooperativeOwned)
    const isFree = (memberId: string, { topic, partition }: TopicPartition): boolean => {
      const key = topicPartitionKey(topic, partition)
      const owner = owners.get(key)
      // Whoever still claims it, rightly or not, has to let go first.
      return owner === memberId || [...(claimed.get(key) ?? [])].every(id => id === memberId)
    }
    return new Map([...target].map(([id, partitions]) => [id, partitions.filter(p => isFree(id, p))]))
  },
  userData: encodeCooperativeUserData,
}
