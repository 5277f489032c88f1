import type { TopicPartition } from '../../record.ts'
import { type Assignor, byMember, subscribedTopics } from './assignor.ts'

/** All partitions of all topics in one row, dealt out in turn to the members that subscribe. */
export const roundRobin: Assignor = {
  name: 'roundrobin',
  protocol: 'eager',
  assign(input) {
    const assignment = new Map(input.members.map(({ memberId }) => [memberId, [] as TopicPartition[]]))
    const members = [...input.members].sort(byMember)
    let turn = 0
    for (const topic of subscribedTopics(input))
      for (let partition = 0; partition < input.partitionCounts.get(topic)!; partition++) {
        while (!members[turn % members.length]!.topics.includes(topic)) turn++
        assignment.get(members[turn++ % members.length]!.memberId)!.push({ topic, partition })
      }
    return assignment
  },
}
