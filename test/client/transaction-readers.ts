/** What stands in topics, as readers with and without a view on open transactions see it. */
import { type Isolation, serdes } from '@millrace/client'
import type { ClusterUnderTest } from './cluster-under-test.ts'

/** The values of all partitions, each partition in order, up to what can be read now. */
export async function valuesIn(
  cluster: ClusterUnderTest,
  topic: string,
  { partitions = 1, isolation = 'read_committed' }: { partitions?: number; isolation?: Isolation } = {},
): Promise<string[]> {
  const all = Array.from({ length: partitions }, (_, partition) => ({ topic, partition }))
  const ends = await cluster.admin.offsets.list(
    all.map(where => ({ ...where, at: 'latest' as const })),
    { isolation },
  )
  await using consumer = cluster.consumer({ isolation, value: serdes.string, fetchMaxWaitMs: 20 })
  consumer.assign(all)
  consumer.seekToBeginning()
  const values: string[][] = all.map(() => [])
  const isDone = async (): Promise<boolean> => {
    for (const where of all)
      if ((await consumer.position(where)) < ends.get(`${topic}-${where.partition}`)!.offset) return false
    return true
  }
  while (!(await isDone())) {
    // A slice of time, since what is left may be control records, which are not handed over.
    const slice = AbortSignal.timeout(50)
    for await (const { partition, records } of consumer.batches({ signal: slice }))
      values[partition]!.push(...records.map(({ value }) => value!))
  }
  return values.flat()
}
