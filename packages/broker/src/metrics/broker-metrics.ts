/** Writes all that is known of a broker as Prometheus text: what was counted, and what its parts say of themselves at this moment. */
import { errorName } from '@millrace/protocol'
import { type CleaningReport, type LogDirectory, type LogEngine, NO_CLEANING } from '@millrace/storage'
import type { Topic } from '../metadata/topic.ts'
import type { Services } from '../services.ts'
import { Exposition } from './exposition.ts'
import type { MetricName } from './metric-table.ts'
import type { RequestMetrics } from './request-metrics.ts'
import { OTHER_TOPICS, type TopicCounts } from './topic-metrics.ts'

/** Logs that are shown one by one; the sizes of the others are shown as one. */
const LOGS_MAX = 1_000

export interface MeasuredServices
  extends Pick<Services, 'metrics' | 'image' | 'groups' | 'transactions' | 'fetchSessions' | 'purgatory' | 'load'> {
  readonly logs: Pick<LogEngine, 'directories' | 'cleaning'>
}

export async function brokerMetricsText(
  services: MeasuredServices,
  process: { write(to: Exposition): Promise<void> },
): Promise<string> {
  const to = new Exposition()
  writeTopics(to, services)
  writeRequests(to, services.metrics.apis())
  writeRefusals(to, services)
  writeServer(to, services)
  writeRuntime(to, services)
  writeGroups(to, services)
  writeTransactions(to, services)
  writePartitions(to, services)
  writeLogs(to, services.image.topics(), await services.logs.directories())
  writeCleaning(to, services.logs.cleaning?.() ?? NO_CLEANING)
  await process.write(to)
  return to.text()
}

const topicCounters: readonly (readonly [MetricName, keyof TopicCounts])[] = [
  ['kafka_server_brokertopicmetrics_messagesin_total', 'messagesIn'],
  ['kafka_server_brokertopicmetrics_bytesin_total', 'bytesIn'],
  ['kafka_server_brokertopicmetrics_bytesout_total', 'bytesOut'],
  ['kafka_server_brokertopicmetrics_totalproducerequests_total', 'produceRequests'],
  ['kafka_server_brokertopicmetrics_totalfetchrequests_total', 'fetchRequests'],
  ['kafka_server_brokertopicmetrics_failedproducerequests_total', 'failedProduceRequests'],
  ['kafka_server_brokertopicmetrics_failedfetchrequests_total', 'failedFetchRequests'],
]

/** As Kafka's: without a label for all topics, and once a topic. */
function writeTopics(to: Exposition, { metrics: { topics } }: MeasuredServices): void {
  for (const [name, key] of topicCounters) {
    to.metric(name).sample(topics.all[key])
    for (const [topic, counts] of topics.byTopic) to.sample(counts[key], { topic })
  }
  to.metric('millrace_produce_duplicates_total').sample(topics.duplicateBatches)
}

/** Kafka shows fetches a second time under the name of who fetches; here that is always a consumer. */
const namesOf = (api: RequestMetrics): readonly string[] =>
  api.name === 'Fetch' ? ['Fetch', 'FetchConsumer'] : [api.name]

function writeRequests(to: Exposition, apis: readonly RequestMetrics[]): void {
  const named = apis.flatMap(api => namesOf(api).map(request => ({ request, api })))
  to.metric('kafka_network_requestmetrics_requests_total')
  for (const { request, api } of named)
    for (const [version, count] of api.requests.entries())
      if (count > 0) to.sample(count, { request, version: String(version) })
  to.metric('kafka_network_requestmetrics_errors_total')
  for (const { request, api } of named)
    for (const [code, count] of api.errors) to.sample(count, { request, error: errorName(code) })
  to.metric('kafka_network_requestmetrics_totaltimems')
  for (const { request, api } of named) to.histogram(api.totalTimeMs, { request })
  to.metric('kafka_network_requestmetrics_requestbytes_total')
  for (const { request, api } of named) to.sample(api.requestBytes, { request })
  to.metric('kafka_network_requestmetrics_responsebytes_total')
  for (const { request, api } of named) to.sample(api.responseBytes, { request })
  to.metric('millrace_request_failures_total')
  for (const { name, failures } of apis) to.sample(failures, { request: name })
}

function writeRefusals(to: Exposition, { metrics: { refused } }: MeasuredServices): void {
  to.metric('millrace_requests_refused_total')
    .sample(refused.unknownApi, { reason: 'unknown_api' })
    .sample(refused.unsupportedVersion, { reason: 'unsupported_version' })
    .sample(refused.malformed, { reason: 'malformed' })
}

function writeServer(to: Exposition, { metrics, load }: MeasuredServices): void {
  const listeners = [...metrics.listeners()]
  to.metric('kafka_server_socket_server_metrics_connection_count')
  for (const [listener, { open }] of listeners) to.sample(open, { listener })
  to.metric('kafka_server_socket_server_metrics_connection_creation_total')
  for (const [listener, { accepted }] of listeners) to.sample(accepted, { listener })
  to.metric('millrace_requests_in_progress').sample(load.requestCount)
  to.metric('millrace_request_bytes_in_progress').sample(load.requestBytes)
  to.metric('millrace_connections_held_back').sample(load.waitingCount)
  to.metric('millrace_response_unsent_bytes').sample(load.unsentBytes)
}

function writeRuntime(to: Exposition, { purgatory, fetchSessions }: MeasuredServices): void {
  to.metric('kafka_server_delayedoperationpurgatory_purgatorysize').sample(purgatory.waitingCount, {
    delayedOperation: 'Fetch',
  })
  to.metric('kafka_server_fetchsessioncache_numincrementalfetchsessions').sample(fetchSessions.count)
  to.metric('kafka_server_fetchsessioncache_numincrementalfetchpartitionscached').sample(fetchSessions.partitionCount)
}

const groupStates = [
  ['kafka_coordinator_group_groupmetadatamanager_numgroupspreparingrebalance', 'PreparingRebalance'],
  ['kafka_coordinator_group_groupmetadatamanager_numgroupscompletingrebalance', 'CompletingRebalance'],
  ['kafka_coordinator_group_groupmetadatamanager_numgroupsstable', 'Stable'],
  ['kafka_coordinator_group_groupmetadatamanager_numgroupsempty', 'Empty'],
  ['kafka_coordinator_group_groupmetadatamanager_numgroupsdead', 'Dead'],
] as const

function writeGroups(to: Exposition, { groups }: MeasuredServices): void {
  const byState = groups.countByState()
  to.metric('kafka_coordinator_group_groupmetadatamanager_numgroups').sample(groups.groupCount)
  for (const [name, state] of groupStates) to.metric(name).sample(byState.get(state) ?? 0)
}

/** All states that last, so that one that has no id any more shows 0. */
const transactionStates = [
  'Empty',
  'Ongoing',
  'PrepareCommit',
  'PrepareAbort',
  'CompleteCommit',
  'CompleteAbort',
] as const

function writeTransactions(to: Exposition, { transactions }: MeasuredServices): void {
  const byState = transactions.countByState()
  const metric = to.metric('millrace_transactional_ids')
  for (const state of transactionStates) metric.sample(byState.get(state) ?? 0, { state })
}

function writePartitions(to: Exposition, { image }: MeasuredServices): void {
  let partitions = 0
  let offline = 0
  for (const topic of image.topics()) {
    partitions += topic.partitions.length
    for (const log of topic.partitions) if (log === undefined) offline++
  }
  to.metric('kafka_controller_kafkacontroller_activecontrollercount').sample(1)
  to.metric('kafka_controller_kafkacontroller_globaltopiccount').sample(image.topicCount)
  to.metric('kafka_controller_kafkacontroller_globalpartitioncount').sample(partitions)
  to.metric('kafka_controller_kafkacontroller_offlinepartitionscount').sample(offline)
  to.metric('kafka_server_replicamanager_partitioncount').sample(partitions)
  to.metric('kafka_server_replicamanager_leadercount').sample(partitions - offline)
  to.metric('kafka_server_replicamanager_offlinereplicacount').sample(offline)
  to.metric('kafka_server_replicamanager_underreplicatedpartitions').sample(0)
}

function writeLogs(to: Exposition, topics: Iterable<Topic>, directories: readonly LogDirectory[]): void {
  to.metric('kafka_log_log_size')
  let shown = 0
  let othersBytes = 0
  for (const { partitions } of directories)
    for (const { topic, partition, sizeBytes } of partitions) {
      if (shown++ < LOGS_MAX) to.sample(sizeBytes, { topic, partition: String(partition) })
      else othersBytes += sizeBytes
    }
  if (shown > LOGS_MAX) to.sample(othersBytes, { topic: OTHER_TOPICS, partition: '' })
  const logs = [...topics].flatMap(t => t.partitions.filter(log => log !== undefined)).slice(0, LOGS_MAX)
  to.metric('kafka_log_log_logstartoffset')
  for (const { topic, partition, logStartOffset } of logs)
    to.sample(logStartOffset, { topic, partition: String(partition) })
  to.metric('kafka_log_log_logendoffset')
  for (const { topic, partition, highWatermark } of logs)
    to.sample(highWatermark, { topic, partition: String(partition) })
  writeDirectories(to, directories)
}

/** Kafka counts percents and seconds in whole numbers here; percents and seconds stay, parts of them too. */
function writeCleaning(to: Exposition, cleaning: CleaningReport): void {
  to.metric('kafka_log_logcleanermanager_max_dirty_percent').sample(cleaning.dirtyRatioMax * 100)
  to.metric('kafka_log_logcleanermanager_time_since_last_run_ms').sample(cleaning.sinceLastLookMs)
  to.metric('kafka_log_logcleanermanager_uncleanable_partitions_count')
  for (const { path, logs } of cleaning.uncleanable) to.sample(logs, { logDirectory: path })
  to.metric('kafka_log_logcleanermanager_uncleanable_bytes')
  for (const { path, bytes } of cleaning.uncleanable) to.sample(bytes, { logDirectory: path })
  to.metric('kafka_log_logcleaner_max_buffer_utilization_percent').sample(cleaning.mapUtilization * 100)
  to.metric('kafka_log_logcleaner_cleaner_recopy_percent').sample(cleaning.recopyRatio * 100)
  to.metric('kafka_log_logcleaner_max_clean_time_secs').sample(cleaning.lastCleaningMs / 1000)
  to.metric('kafka_log_logcleaner_max_compaction_delay_secs').sample(cleaning.overdueMsMax / 1000)
  to.metric('kafka_log_logcleaner_deadthreadcount').sample(0)
  to.metric('millrace_cleanings_total').sample(cleaning.cleanings)
  to.metric('millrace_cleaner_read_bytes_total').sample(cleaning.bytesRead)
  to.metric('millrace_cleaner_written_bytes_total').sample(cleaning.bytesWritten)
  to.metric('millrace_cleaner_read_records_total').sample(cleaning.recordsRead)
  to.metric('millrace_cleaner_kept_records_total').sample(cleaning.recordsKept)
}

function writeDirectories(to: Exposition, directories: readonly LogDirectory[]): void {
  to.metric('millrace_log_directory_offline')
  for (const { path, error } of directories) to.sample(error === undefined ? 0 : 1, { directory: path })
  to.metric('millrace_log_directory_total_bytes')
  for (const { path, totalBytes } of directories) if (totalBytes >= 0) to.sample(totalBytes, { directory: path })
  to.metric('millrace_log_directory_usable_bytes')
  for (const { path, usableBytes } of directories) if (usableBytes >= 0) to.sample(usableBytes, { directory: path })
}
