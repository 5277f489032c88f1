// Kafka's tools for transactions: tools.ts BOOTSTRAP PREFIX
import { failureCount, report } from '../kafka-tools/report.ts'
import { copiers, features, hanging } from './transactions.ts'

await Promise.all([report('transactional-copiers', copiers), report('hanging-transaction', hanging)])
// Alone, for the level is the whole cluster's.
await report('transaction-features', features)
process.exit(failureCount() === 0 ? 0 : 1)
