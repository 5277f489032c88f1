import type { TopicPartition } from '../../record.ts'
import { type Assignor, byMember, subscribedTopics } from './assignor.ts'

/** Each topic by itself, in runs of neighbours: topics with the same partition count and members stay aligned, as joins need it. */
export const range: Assignor = {
  name: 'range',
  protocol: 'eager',
  assign(input) {
    const assignment = new Map(input.members.map(({ memberId }) => [memberId, [] as TopicPartition[]]))
    const members = [...input.members].sort(byMember)
    for (const topic of subscribedTopics(input)) {
      const consumers = members.filter(({ topics }) => topics.includes(topic))
      const count = input.partitionCounts.get(topic)!
      const each = Math.floor(count / consumers.length)
      const extra = count % consumers.length
      for (const [index, { memberId }] of consumers.entries()) {
        const start = each * index + Math.min(index, extra)
        const length = each + (index < extra ? 1 : 0)
        for (let n = 0; n < length; n++) assignment.get(memberId)!.push({ topic, partition: start + n })
      }
    }
    return assignment
  },
}
