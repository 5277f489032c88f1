export { FaultFileSystem, type FaultyOperation, type InjectedFault } from './fault-file-system.ts'
export { startTestBroker, TestBroker, type TestBrokerOptions } from './test-broker.ts'
export { WireClient, type WireClientOptions } from './wire-client.ts'
