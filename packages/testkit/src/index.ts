export { startTestBroker, TestBroker, type TestBrokerOptions } from './test-broker.ts'
export { type Sparse, WireClient, type WireClientOptions } from './wire-client.ts'
export { batchOf, createTopic, errorsOf, produceBatch, type TestTopic, versionsOf } from './wire-requests.ts'
