import { createRequire } from 'node:module'
import { join } from 'node:path'

/** Loads a package from where the bench has installed it. */
export const load = (name: string): unknown =>
  createRequire(join(process.env.BENCH_PACKAGES ?? '.', 'package.json'))(name)
