/**
 * Two nodes of one process against one, on a machine with two cores. The load generator needs a core's time too: what it needs is shown, and the load that has a
 * goal is one that costs it little of what it costs a broker, few bytes that hold many records.
 */
import { type LoadOptions, load, of, sized, timed } from '../load.ts'
import { type FigureKind, more, type SidesMeasure, type Values, withBroker } from '../measure.ts'
import { createTopic } from '../topics.ts'

const NODES = { 'two nodes': 2, 'one node': 1 }
/** With one partition each, of one node as of two. */
const CONNECTIONS = 8
const BROKER_CPU = '… CPU of the broker'
const GENERATOR_CPU = '… CPU of the load generator'

interface Load {
  readonly name: string
  readonly what: string
  readonly goal?: FigureKind['goal']
  readonly options: (isQuick: boolean) => LoadOptions
}

function nodesMeasure({ name, what, goal, options }: Load): SidesMeasure {
  return {
    name,
    group: 'cores',
    figures: {
      [what]: { unit: 'MB/s', goal },
      [BROKER_CPU]: { unit: 'cores' },
      [GENERATOR_CPU]: { unit: 'cores' },
    },
    sides: Object.keys(NODES),
    async round(isQuick) {
      const figures: Record<string, Values> = {}
      for (const [side, nodes] of Object.entries(NODES))
        figures[side] = await ofNodes(nodes, async broker => {
          await createTopic(broker, 'spread', CONNECTIONS)
          const all = { topic: 'spread', conns: CONNECTIONS / nodes, inflight: 5, 'batch-bytes': 65_536 }
          const outcome = await load('produce', broker, { ...all, ...options(isQuick) })
          return {
            [what]: of(outcome, 'mbPerS'),
            [BROKER_CPU]: of(outcome, 'cpuShare'),
            [GENERATOR_CPU]: of(outcome, 'loadCpuShare'),
          }
        })
      return figures
    },
  }
}

const ofNodes = (nodes: number, use: Parameters<typeof withBroker<Values>>[1]): Promise<Values> =>
  withBroker('millrace', use, { settings: { 'millrace.nodes': String(nodes) } })

export const cores: readonly SidesMeasure[] = [
  nodesMeasure({
    name: 'nodes-2',
    what: 'produce, 64 kB of records of 30 B in lz4',
    goal: more(1.6),
    options: isQuick => ({ 'record-size': 30, codec: 'lz4', ...timed(isQuick, 1.5, 3) }),
  }),
  nodesMeasure({
    name: 'nodes-2-uncompressed',
    what: 'produce, batches of 64 kB, records of 1000 B',
    options: isQuick => ({ 'record-size': 1000, ...sized(isQuick, 400, 1000) }),
  }),
]
