/** What the nodes of one process (`millrace.nodes`) have each of its own: number and ports, counted on from the first one's. */
import type { BrokerConfig } from './broker-config.ts'

/** Settings of the node, `index` from 0, over those of the process. */
export function nodeSettings(config: BrokerConfig, index: number): readonly string[] {
  const id = config.nodeId + index
  const settings = [`node.id=${id}`, `broker.id=${id}`]
  for (const name of ['listeners', 'advertised.listeners', 'millrace.admin.listener']) {
    const text = config.text(name)
    if (text !== null && text !== '') settings.push(`${name}=${shifted(text, index)}`)
  }
  return settings
}

export const nodeIdsOf = ({ nodeId, nodeCount }: BrokerConfig): readonly number[] =>
  Array.from({ length: nodeCount }, (_, index) => nodeId + index)

/** Why the nodes cannot all have their ports, or undefined. */
export function portsOverlap(config: BrokerConfig): string | undefined {
  const { listenerPlan, adminListener, nodeCount } = config
  const admin = Number(adminListener?.split(':').at(-1) ?? 0)
  const first = [...listenerPlan.listeners.map(({ port }) => port), admin].filter(port => port !== 0)
  const ports = new Set(first)
  for (let index = 1; index < nodeCount; index++)
    for (const port of new Set(first)) {
      if (port + index > PORT_MAX) return `millrace.nodes: node ${index + 1} would listen on port ${port + index}`
      if (ports.has(port + index))
        return `millrace.nodes: with ${nodeCount} nodes each port needs ${nodeCount - 1} free ones behind it, and ${port + index} is wanted twice`
      ports.add(port + index)
    }
  return undefined
}

const PORT_MAX = 65_535

/** A free port is as good for one node as for another. */
const shifted = (text: string, index: number): string =>
  text.replaceAll(/:(\d+)(?=\s*(?:,|$))/g, (whole, port: string) =>
    Number(port) === 0 ? whole : `:${Number(port) + index}`,
  )
