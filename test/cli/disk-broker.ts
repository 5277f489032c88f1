/** A broker in this process on a data folder, as `millrace serve` would run it. */
import { silentLogger } from '@millrace/base'
import { type Broker, brokerConfigOf, startBroker } from '@millrace/broker'
import { openEngine } from '../../packages/cli/src/serve/open-engine.ts'

export interface DiskBroker {
  readonly broker: Broker
  readonly port: number
}

export async function startDiskBroker(folder: string): Promise<DiskBroker> {
  const config = brokerConfigOf({
    listeners: 'PLAINTEXT://127.0.0.1:0',
    'log.dirs': folder,
    'group.initial.rebalance.delay.ms': '0',
  })
  const broker = await startBroker({
    config,
    engine: await openEngine(config, silentLogger, false),
    logger: silentLogger,
  })
  return { broker, port: [...broker.ports.values()][0]! }
}
