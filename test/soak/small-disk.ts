/** A file system of its own for the broker's data, small enough to be filled: a loop mount of a file, or memory where that is not permitted. */
import { spawnSync } from 'node:child_process'
import {
  closeSync,
  mkdirSync,
  openSync,
  rmdirSync,
  rmSync,
  statfsSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { join } from 'node:path'
import { run } from '../interop/process.ts'

const LIMIT_MS = 60_000
/** What the broker may take while the rest is reserved. */
const MARGIN_BYTES = 16_000_000

export class SmallDisk {
  readonly kind: 'loop' | 'tmpfs'
  readonly path: string
  #isMounted = true

  private constructor(kind: 'loop' | 'tmpfs', path: string) {
    this.kind = kind
    this.path = path
    // Also when the soak is interrupted, and before the folder is removed.
    process.prependListener('exit', () => {
      if (this.#isMounted) spawnSync('umount', ['-l', this.path])
    })
  }

  /** Mounts over `folder/data`. Answers in words why it is not to be had. */
  static async mount(folder: string, megabytes: number): Promise<SmallDisk | string> {
    const path = join(folder, 'data')
    mkdirSync(path, { recursive: true })
    const image = join(folder, 'disk.img')
    writeFileSync(image, '')
    truncateSync(image, megabytes * 1_000_000)
    const made = await run('mkfs.ext4', ['-q', '-F', '-m', '0', image], { limitMs: LIMIT_MS })
    const looped = made.code === 0 ? await run('mount', ['-o', 'loop', image, path], { limitMs: LIMIT_MS }) : made
    if (looped.code === 0) {
      // Apache Kafka does not start over a folder that is no partition's.
      rmdirSync(join(path, 'lost+found'))
      return new SmallDisk('loop', path)
    }
    rmSync(image, { force: true })
    const size = `size=${megabytes}m`
    const inMemory = await run('mount', ['-t', 'tmpfs', '-o', size, 'tmpfs', path], { limitMs: LIMIT_MS })
    return inMemory.code === 0 ? new SmallDisk('tmpfs', path) : `${inMemory.stderr.trim()}; ${looped.stderr.trim()}`
  }

  /** Takes what is left, down to the last bytes. */
  async fill(): Promise<void> {
    const most = Math.max(this.freeBytes - MARGIN_BYTES, 1)
    await run('fallocate', ['-l', String(most), join(this.path, '.reserved')], { limitMs: LIMIT_MS })
    const fd = openSync(join(this.path, '.filler'), 'w')
    try {
      for (let bytes = 4_000_000; bytes >= 512; ) {
        try {
          if (writeSync(fd, Buffer.alloc(bytes)) < bytes) bytes = bytes >> 1
        } catch {
          bytes = bytes >> 1
        }
      }
    } finally {
      closeSync(fd)
    }
  }

  empty(): void {
    for (const name of ['.filler', '.reserved']) rmSync(join(this.path, name), { force: true })
  }

  get freeBytes(): number {
    const { bavail, bsize } = statfsSync(this.path)
    return bavail * bsize
  }

  async saveTo(path: string): Promise<void> {
    await run('cp', ['-a', this.path, path], { limitMs: LIMIT_MS })
  }

  async unmount(): Promise<void> {
    for (let attempt = 0; attempt < 20; attempt++) {
      if ((await run('umount', [this.path], { limitMs: LIMIT_MS })).code === 0) {
        this.#isMounted = false
        return
      }
      await new Promise(resolve => setTimeout(resolve, 250))
    }
  }
}
