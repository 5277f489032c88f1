import { homedir } from 'node:os'
import { join } from 'node:path'

/** Where the bench puts what it builds and installs. */
export const cacheFolder = process.env.MILLRACE_BENCH_CACHE ?? join(homedir(), '.cache', 'millrace-bench')
