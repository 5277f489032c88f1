import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { seededRandom } from '@millrace/base'
import { FaultFileSystem } from '@millrace/testkit/fault-file-system'
import { FOLDER } from '../../disk/disk-fixture.ts'
import { Compacted } from './cleaner-fixture.ts'

/** Ends before one of the changes of names that come when it was told so. A write that is cut off is what `compaction.test.ts` has. */
class EndingFileSystem extends FaultFileSystem {
  changesLeft = Number.POSITIVE_INFINITY

  override rename(from: string, to: string): void {
    this.#count()
    super.rename(from, to)
  }

  override remove(path: string): void {
    this.#count()
    super.remove(path)
  }

  override async syncFolder(path: string): Promise<void> {
    this.#count()
    await super.syncFolder(path)
  }

  #count(): void {
    if (this.changesLeft-- === 0) this.killAfter(0)
  }
}

/** Two groups of several segments, with all that a log may hold. */
async function dirtyLog(fs: FaultFileSystem): Promise<Compacted> {
  const log = await Compacted.open(fs, { config: { flushMessages: 1, segmentBytes: 900 } })
  for (let i = 0; i < 8; i++) {
    await log.append([[`k${i % 3}`, `value ${i}`]], { producer: 1, codec: i % 2 === 0 ? 'lz4' : 'none' })
    await log.append([[`t${i % 2}`, i % 4 === 3 ? null : `in transaction ${i}`]], { producer: 10, inTransaction: true })
    await log.end(10, i % 3 === 0 ? 'abort' : 'commit')
    await log.append([[`only ${i % 5}`, 'x'.repeat(150)]])
  }
  return log
}

const endings = ['cleaned', 'swap', 'deleted'] as const

/** Names that are there when it ends, in words: `.log.swap .index.cleaned`. */
const unfinished = (fs: FaultFileSystem): string =>
  [...fs.list(FOLDER)]
    .filter(name => endings.some(ending => name.endsWith(`.${ending}`)))
    .sort()
    .join(' ')

describe('a cleaner that ends in the midst of its work', () => {
  for (const how of ['a kill', 'a power cut'] as const)
    it(`leaves what the next one makes whole, at every change of a name (${how})`, { timeout: 60_000 }, async () => {
      const seen = new Set<string>()
      let changes = 0
      for (let isWhole = false; !isWhole; changes++) {
        const fs = new EndingFileSystem()
        const log = await dirtyLog(fs)
        fs.changesLeft = changes
        await log.clean()
        isWhole = fs.changesLeft >= 0
        const survivor = how === 'a kill' ? fs.afterKill() : fs.afterPowerCut(seededRandom(changes))
        seen.add(unfinished(survivor))
        await log.reopen(survivor)
        await log.check({ exactly: false })
        assert(
          endings.slice(0, 2).every(ending => !unfinished(survivor).includes(ending)),
          unfinished(survivor),
        )
        await log.runCleaner()
        await log.check()
        await log.disk.engine.close()
      }
      const states = [...seen].join('\n')
      for (const ending of endings) assert.match(states, new RegExp(`log\\.${ending}`))
      assert.match(states, /index\.cleaned .*log\.swap/, 'names are half changed to .swap')
      assert.match(
        states,
        /log\.deleted .*log\.swap|log\.swap .*log\.deleted/,
        'the old ones are away, the new one is not there yet',
      )
      assert(changes > 40, `${changes} changes`)
    })
})
