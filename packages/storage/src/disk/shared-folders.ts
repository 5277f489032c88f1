/** Data folders that several nodes of one process use: held and claimed once, for as long as the process lives. The nodes open engines on them. */
import { resolve } from 'node:path'
import { type Logger, type Random, systemRandom } from '@millrace/base'
import type { OwnedCatalog } from '../catalog/catalog.ts'
import type { FileSystem } from '../file-system.ts'
import { DataFolder } from './data-folder.ts'
import { nodeFileSystem } from './node-file-system.ts'
import { settlePlacements } from './settle-placements.ts'

export interface SharedFoldersOptions {
  /** log.dirs. */
  readonly dirs: readonly string[]
  /** Rising. */
  readonly nodeIds: readonly number[]
  /** Called once the folders are held. */
  readonly catalog: () => OwnedCatalog
  readonly logger: Logger
  readonly random?: Random
  readonly fs?: FileSystem
}

export interface SharedFolders {
  readonly catalog: OwnedCatalog
  /** Closes the catalog and gives the folders back, once no node uses them any more. */
  release(): void
}

/** Rejects as `openDiskEngine` does. */
export async function openSharedFolders(options: SharedFoldersOptions): Promise<SharedFolders> {
  const { nodeIds, logger, random = systemRandom, fs = nodeFileSystem } = options
  const folders: DataFolder[] = []
  let catalog: OwnedCatalog | undefined
  const release = (): void => {
    catalog?.close()
    for (const folder of folders) folder.release()
  }
  try {
    for (const dir of options.dirs) folders.push(await DataFolder.open(fs, resolve(dir)))
    catalog = options.catalog()
    for (const folder of folders) await folder.claim({ clusterId: catalog.clusterId, nodeId: nodeIds[0]!, random })
    await settlePlacements({ fs, folders, catalog, nodeIds, logger })
    return { catalog, release }
  } catch (fault) {
    release()
    throw fault
  }
}
