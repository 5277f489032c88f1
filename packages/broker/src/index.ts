export { type Broker, type BrokerOptions, startBroker } from './broker.ts'
export type { BrokerConfig } from './config/broker-config.ts'
export type { ConfigProblem } from './config/config-sources.ts'
export { brokerConfigOf, isConfigProblems, type LoadOptions, loadBrokerConfig } from './config/load-broker-config.ts'
