/** The thread of one node: the broker that a process without `--nodes` would be, over a catalog that is the supervisor's. */
import { parentPort, workerData } from 'node:worker_threads'
import { isConfigProblems, loadBrokerConfig, PortPeers, startBroker } from '@millrace/broker'
import { RemoteCatalog } from '@millrace/storage'
import { explainStart } from './explain-start.ts'
import { loggerOf } from './logger-of.ts'
import { nodeLogger } from './node-logger.ts'
import type { FromNode, NodeStart, ToNode } from './node-messages.ts'
import { openNodeEngine } from './open-engine.ts'

const { nodeId, nodeIds, load, isEphemeral, clusterId, catalog: catalogPort } = workerData as NodeStart
const supervisor = parentPort!
const tell = (message: FromNode): void => supervisor.postMessage(message)
const peers = new PortPeers(nodeIds)
const stopped = Promise.withResolvers<void>()

supervisor.on('message', (message: ToNode) => {
  if (message.kind === 'peer') peers.connect(message.nodeId, message.port)
  else if (message.kind === 'gone') peers.disconnect(message.nodeId)
  else stopped.resolve()
})

const config = loadBrokerConfig(load)
if (isConfigProblems(config)) throw new Error(config.map(({ message }) => message).join('; '))
const logger = nodeLogger(loggerOf(config), nodeId)
try {
  const catalog = new RemoteCatalog(catalogPort, clusterId)
  const engine = await openNodeEngine(config, logger, { catalog, nodeIds, isEphemeral })
  const broker = await startBroker({ config, engine, logger, peers })
  tell({ kind: 'ready', ports: broker.ports, partitions: broker.partitionCount })
  await stopped.promise
  await broker.stop()
} catch (error) {
  tell({ kind: 'failed', reason: explainStart(error, config) })
}
peers.close()
supervisor.close()
