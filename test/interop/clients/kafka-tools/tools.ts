// Kafka's own command-line tools, each checked by what it says: tools.ts BOOTSTRAP PREFIX
import { cluster, consumerGroups, perfTests, replicas, verifiable } from './groups-and-cluster.ts'
import { failureCount, report } from './report.ts'
import { configs, consoles, logDirs, offsetsAndDeletion, topics } from './topics-and-records.ts'

/** The longest first: two at a time, since most of a tool's second is its start. */
const scenarios: readonly (readonly [name: string, run: () => Promise<void>])[] = [
  ['consumer-groups', consumerGroups],
  ['topics', topics],
  ['configs', configs],
  ['console-producer-consumer', consoles],
  ['offsets-delete-records', offsetsAndDeletion],
  ['leader-election-reassign', replicas],
  ['perf-tests', perfTests],
  ['verifiable-streams-reset', verifiable],
  ['cluster-api-versions', cluster],
  ['log-dirs', logDirs],
]
const AT_A_TIME = 2

const waiting = [...scenarios]
await Promise.all(
  Array.from({ length: AT_A_TIME }, async () => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) await report(...next)
  }),
)
process.exit(failureCount() === 0 ? 0 : 1)
