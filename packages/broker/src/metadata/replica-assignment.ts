/** Why a partition cannot be placed on these brokers, in Kafka's words, or undefined if it can. */
export function refuseReplicas(replicas: readonly number[], nodeIds: ReadonlySet<number>): string | undefined {
  if (replicas.length === 0) return 'The manual partition assignment includes an empty replica list.'
  const seen = new Set<number>()
  for (const replica of [...replicas].sort((a, b) => a - b)) {
    if (!nodeIds.has(replica))
      return `The manual partition assignment includes broker ${replica}, but no such broker is registered.`
    if (seen.has(replica)) return `The manual partition assignment includes the broker ${replica} more than once.`
    seen.add(replica)
  }
  if (replicas.length > 1)
    return 'The manual partition assignment includes several brokers, and a partition has one replica.'
  return undefined
}
