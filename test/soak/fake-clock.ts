/** The wall clock of the broker's process, by libfaketime: it reads a file that says how far off it is. The monotonic clock stays true. */
import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { run } from '../interop/process.ts'

const LIBRARY = 'libfaketimeMT.so.1'
const LIMIT_MS = 60_000

export class FakeClock {
  readonly env: Readonly<Record<string, string>>
  readonly #file: string

  private constructor(library: string, file: string) {
    this.#file = file
    this.env = {
      LD_PRELOAD: library,
      FAKETIME_TIMESTAMP_FILE: file,
      FAKETIME_CACHE_DURATION: '1',
      FAKETIME_DONT_FAKE_MONOTONIC: '1',
      DONT_FAKE_MONOTONIC: '1',
    }
    this.jump(0)
  }

  /** Undefined where libfaketime is not to be had: neither installed nor downloadable as Debian's package. */
  static async find(folder: string): Promise<FakeClock | undefined> {
    const cache = join(process.env.INTEROP_CACHE ?? join(homedir(), '.cache/millrace-interop'), 'faketime')
    const library = findLibrary('/usr/lib') ?? findLibrary(cache) ?? (await download(cache))
    return library === undefined ? undefined : new FakeClock(library, join(folder, 'clock'))
  }

  /** Seconds ahead of the true time, or behind it. */
  jump(seconds: number): void {
    writeFileSync(this.#file, `${seconds < 0 ? '' : '+'}${seconds}\n`)
  }
}

/** In `lib/<machine>/faketime`. */
function findLibrary(lib: string): string | undefined {
  const machines = existsSync(lib) ? readdirSync(lib) : []
  return machines.map(machine => join(lib, machine, 'faketime', LIBRARY)).find(path => existsSync(path))
}

async function download(cache: string): Promise<string | undefined> {
  mkdirSync(cache, { recursive: true })
  const script = 'apt-get download -q libfaketime && dpkg -x libfaketime_*.deb unpacked && cp -r unpacked/usr/lib/* .'
  await run('sh', ['-c', script], { limitMs: LIMIT_MS, cwd: cache })
  return findLibrary(cache)
}
