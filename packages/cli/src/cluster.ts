/** `millrace cluster`: what brokers say of themselves. */
import { expectTopics, partitionsOf, withAdmin } from './shared/admin-session.ts'
import type { Session } from './shared/session.ts'
import { formatBytes } from './shared/units.ts'

export function describeCluster(session: Session): Promise<void> {
  return withAdmin(session, async admin => {
    const { out, signal } = session
    const cluster = await admin.cluster.describe({ signal })
    out.result(cluster, ({ clusterId, controllerId, brokers }) => {
      out.fields([
        ['cluster', clusterId],
        ['controller', controllerId],
      ])
      out.print('\n')
      out.table(
        [
          { title: 'broker', cell: row => row.id },
          { title: 'host', cell: row => row.host },
          { title: 'port', cell: row => row.port },
          { title: 'rack', cell: row => row.rack },
        ],
        [...brokers].sort((a, b) => a.id - b.id),
      )
    })
  })
}

export function apiVersions(session: Session, { broker }: { readonly broker?: number }): Promise<void> {
  return withAdmin(session, async admin => {
    const { out, signal } = session
    const found = await admin.cluster.apiVersions({ signal, ...(broker !== undefined && { broker }) })
    const rows = found.sort((a, b) => a.key - b.key)
    out.result(rows, () =>
      out.table(
        [
          { title: 'key', cell: row => row.key },
          { title: 'api', cell: row => row.name },
          { title: 'versions', cell: row => `${row.minVersion}-${row.maxVersion}` },
        ],
        rows,
      ),
    )
  })
}

export function logDirs(session: Session, { topic }: { readonly topic?: string }): Promise<void> {
  return withAdmin(session, async admin => {
    const { out, signal } = session
    const partitions = topic === undefined ? undefined : partitionsOf(await expectTopics(admin, [topic], session))
    const found = await admin.cluster.logDirs({ partitions, signal })
    const folders = [...found].flatMap(([broker, dirs]) => dirs.map(dir => ({ broker, ...dir })))
    out.result(folders, () => {
      out.table(
        [
          { title: 'broker', cell: row => row.broker },
          { title: 'folder', cell: row => row.path },
          { title: 'state', cell: row => row.error ?? 'ok' },
          { title: 'free', cell: row => (row.usableBytes < 0 ? null : formatBytes(row.usableBytes)), align: 'right' },
          { title: 'of', cell: row => (row.totalBytes < 0 ? null : formatBytes(row.totalBytes)), align: 'right' },
          { title: 'partitions', cell: row => row.replicas.length },
        ],
        folders,
      )
      const replicas = folders.flatMap(({ broker, path, replicas }) =>
        replicas.map(replica => ({ broker, path, ...replica })),
      )
      if (replicas.length === 0) return
      out.print('\n')
      out.table(
        [
          { title: 'topic', cell: row => row.topic },
          { title: 'partition', cell: row => row.partition },
          { title: 'size', cell: row => formatBytes(row.sizeBytes), align: 'right' },
          { title: 'broker', cell: row => row.broker },
          { title: 'folder', cell: row => row.path },
        ],
        replicas.sort((a, b) => (a.topic === b.topic ? a.partition - b.partition : a.topic < b.topic ? -1 : 1)),
      )
    })
  })
}
