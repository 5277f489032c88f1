/** A catalog that knows nothing, for tests of logs alone. */
import type { Catalog } from './catalog/catalog.ts'

export const emptyCatalog: Catalog = {
  clusterId: 'MkU3OEVBNTcwNTJENDM2Qk',
  load: () => Promise.resolve({ topics: [], configs: [], placements: [], features: { levels: [], epoch: 0 } }),
  loadGroups: () => Promise.resolve([]),
  loadTransactions: () => Promise.resolve([]),
  write: () => Promise.resolve(),
  allocateProducerIds: count => Promise.resolve({ first: 0, count }),
  subscribe: () => {},
}
