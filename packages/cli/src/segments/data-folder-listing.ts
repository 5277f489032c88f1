import { CliError } from '../shared/cli-error.ts'
import type { Output } from '../shared/output.ts'
import { formatBytes } from '../shared/units.ts'
import { partitionFolders } from './partition-folders.ts'

export function listDataFolder(path: string, out: Output): void {
  const folders = partitionFolders(path)
  if (folders.length === 0)
    throw new CliError(`${path} holds no partitions`, {
      hint: 'name a data folder (log.dirs of the broker), a partition folder or a file',
    })
  out.result(folders, rows =>
    out.table(
      [
        { title: 'topic', cell: row => row.topic },
        { title: 'partition', cell: row => row.partition },
        { title: 'segments', cell: row => row.segments },
        { title: 'size', cell: row => formatBytes(row.bytes), align: 'right' },
        { title: 'first offset', cell: row => row.firstOffset },
        { title: 'topic id', cell: row => row.topicId },
      ],
      rows,
    ),
  )
}
