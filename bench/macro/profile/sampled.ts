/** How long each part of the house ran within a profile. */
import type { Profiler } from 'node:inspector'
import { partOf } from './parts.ts'

export function sampledSeconds({ nodes, samples = [], timeDeltas = [] }: Profiler.Profile): Map<string, number> {
  const parts = partsOfNodes(nodes)
  const took = new Map<string, number>()
  for (const [i, id] of samples.entries()) {
    const part = parts.get(id)
    const us = timeDeltas[i] ?? 0
    if (part === undefined || us <= 0) continue
    took.set(part, (took.get(part) ?? 0) + us / 1e6)
  }
  return took
}

function partsOfNodes(nodes: readonly Profiler.ProfileNode[]): Map<number, string | undefined> {
  const parents = new Map(nodes.flatMap(node => (node.children ?? []).map(child => [child, node] as const)))
  const callersOf = (node: Profiler.ProfileNode): Profiler.ProfileNode['callFrame'][] => {
    const callers = []
    for (let above = parents.get(node.id); above !== undefined; above = parents.get(above.id))
      callers.push(above.callFrame)
    return callers
  }
  return new Map(nodes.map(node => [node.id, partOf(node.callFrame, callersOf(node))]))
}
