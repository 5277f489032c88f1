/**
 * Topics whose records are on the device before they are acknowledged, at the latest with the n-th. What the coordinators acknowledge about them is to be as
 * safe: a marker that is on the device without its decision tears a transaction, and an offset that falls back repeats what was done.
 */
import type { ClusterImage } from '../metadata/cluster-image.ts'

export type IsPromised = (topic: string) => boolean

export const promisedTopics =
  (image: Pick<ClusterImage, 'topic'>): IsPromised =>
  topic =>
    (image.topic(topic)?.config.flushMessages ?? Number.MAX_SAFE_INTEGER) < Number.MAX_SAFE_INTEGER
