/**
 * Every metric that /metrics shows, in its order. Where Kafka's JMX beans have the same thing, the name is the one that jmx_exporter's usual rules give it
 * (lower case, `PerSec` counts as `_total`), so that dashboards made for Kafka find it. docs/metrics.md is written from this table.
 */
export interface MetricFacts {
  readonly type: 'counter' | 'gauge' | 'histogram'
  readonly labels: readonly string[]
  readonly help: string
}

const of =
  (type: MetricFacts['type']) =>
  (help: string, ...labels: string[]): MetricFacts => ({ type, labels, help })
const counter = of('counter')
const gauge = of('gauge')
const histogram = of('histogram')

export const metricTable = {
  kafka_server_brokertopicmetrics_messagesin_total: counter('Records appended.', 'topic'),
  kafka_server_brokertopicmetrics_bytesin_total: counter('Bytes of record batches appended.', 'topic'),
  kafka_server_brokertopicmetrics_bytesout_total: counter('Bytes of record batches sent to readers.', 'topic'),
  kafka_server_brokertopicmetrics_totalproducerequests_total: counter('Partitions in produce requests.', 'topic'),
  kafka_server_brokertopicmetrics_totalfetchrequests_total: counter(
    'Partitions that fetch requests read; those of a session in which nothing is new need no read.',
    'topic',
  ),
  kafka_server_brokertopicmetrics_failedproducerequests_total: counter(
    'Partitions in produce requests that were refused.',
    'topic',
  ),
  kafka_server_brokertopicmetrics_failedfetchrequests_total: counter(
    'Partitions in fetch requests that were refused.',
    'topic',
  ),
  millrace_produce_duplicates_total: counter(
    'Batches that an idempotent producer sent again and that were in the log.',
  ),

  kafka_network_requestmetrics_requests_total: counter('Requests answered.', 'request', 'version'),
  kafka_network_requestmetrics_errors_total: counter('Error codes in answers.', 'request', 'error'),
  kafka_network_requestmetrics_totaltimems: histogram(
    'Milliseconds from a whole request to its answer, waiting included.',
    'request',
  ),
  kafka_network_requestmetrics_requestbytes_total: counter('Bytes of requests.', 'request'),
  kafka_network_requestmetrics_responsebytes_total: counter('Bytes of answers.', 'request'),
  millrace_request_failures_total: counter('Requests that ended in a fault of the broker itself.', 'request'),
  millrace_requests_refused_total: counter('Requests that could not be read; their connections were closed.', 'reason'),

  kafka_server_socket_server_metrics_connection_count: gauge('Open connections.', 'listener'),
  kafka_server_socket_server_metrics_connection_creation_total: counter('Connections accepted.', 'listener'),
  millrace_requests_in_progress: gauge('Requests under way that do not wait (queued.max.requests bounds them).'),
  millrace_request_bytes_in_progress: gauge('Bytes of requests under way or coming in (queued.max.request.bytes).'),
  millrace_connections_held_back: gauge('Connections whose next request waits for room under those two limits.'),
  millrace_response_unsent_bytes: gauge('Bytes of answers that clients have not taken yet.'),

  kafka_server_delayedoperationpurgatory_purgatorysize: gauge('Requests that wait for data.', 'delayedOperation'),
  kafka_server_fetchsessioncache_numincrementalfetchsessions: gauge('Fetch sessions.'),
  kafka_server_fetchsessioncache_numincrementalfetchpartitionscached: gauge('Partitions in fetch sessions.'),
  kafka_coordinator_group_groupmetadatamanager_numgroups: gauge('Groups.'),
  kafka_coordinator_group_groupmetadatamanager_numgroupspreparingrebalance: gauge('Groups that wait for members.'),
  kafka_coordinator_group_groupmetadatamanager_numgroupscompletingrebalance: gauge(
    'Groups that wait for their assignment.',
  ),
  kafka_coordinator_group_groupmetadatamanager_numgroupsstable: gauge('Groups at work.'),
  kafka_coordinator_group_groupmetadatamanager_numgroupsempty: gauge('Groups without members.'),
  kafka_coordinator_group_groupmetadatamanager_numgroupsdead: gauge('Groups about to be forgotten.'),

  millrace_transactional_ids: gauge('Transactional ids by the state of their transaction.', 'state'),

  kafka_controller_kafkacontroller_activecontrollercount: gauge('Always 1: this broker is its own controller.'),
  kafka_controller_kafkacontroller_globaltopiccount: gauge('Topics.'),
  kafka_controller_kafkacontroller_globalpartitioncount: gauge('Partitions of all topics.'),
  kafka_controller_kafkacontroller_offlinepartitionscount: gauge('Partitions that cannot be served.'),
  kafka_server_replicamanager_partitioncount: gauge('Partitions on this broker.'),
  kafka_server_replicamanager_leadercount: gauge('Partitions that this broker leads.'),
  kafka_server_replicamanager_offlinereplicacount: gauge('Replicas on this broker that cannot be served.'),
  kafka_server_replicamanager_underreplicatedpartitions: gauge('Partitions that lack replicas.'),
  kafka_log_log_size: gauge('Bytes of a log.', 'topic', 'partition'),
  kafka_log_log_logstartoffset: gauge('First offset of a log.', 'topic', 'partition'),
  kafka_log_log_logendoffset: gauge('Next offset of a log, as far as readers see it.', 'topic', 'partition'),
  millrace_log_directory_offline: gauge('1 when a data folder cannot be used.', 'directory'),
  millrace_log_directory_total_bytes: gauge('Size of the volume of a data folder, where known.', 'directory'),
  millrace_log_directory_usable_bytes: gauge('Free bytes of that volume, where known.', 'directory'),

  kafka_log_logcleanermanager_max_dirty_percent: gauge('Dirty part of the dirtiest compacted log when last looked.'),
  kafka_log_logcleanermanager_time_since_last_run_ms: gauge('Milliseconds since compacted logs were last looked at.'),
  kafka_log_logcleanermanager_uncleanable_partitions_count: gauge(
    'Damaged logs that are not cleaned before the next start.',
    'logDirectory',
  ),
  kafka_log_logcleanermanager_uncleanable_bytes: gauge('Bytes of those logs that wait for it.', 'logDirectory'),
  kafka_log_logcleaner_max_buffer_utilization_percent: gauge(
    'How full the buffer of keys was in the last cleaning (log.cleaner.dedupe.buffer.size).',
  ),
  kafka_log_logcleaner_cleaner_recopy_percent: gauge('Bytes left of those read in the last cleaning.'),
  kafka_log_logcleaner_max_clean_time_secs: gauge('Seconds that the last cleaning took.'),
  kafka_log_logcleaner_max_compaction_delay_secs: gauge(
    'How long a record has been overdue by max.compaction.lag.ms, at the most.',
  ),
  kafka_log_logcleaner_deadthreadcount: gauge(
    'Always 0: there is no thread that could die; a failed cleaning is tried again.',
  ),
  millrace_cleanings_total: counter('Cleanings of compacted logs.'),
  millrace_cleaner_read_bytes_total: counter('Bytes of segments that were cleaned.'),
  millrace_cleaner_written_bytes_total: counter('Bytes of segments that cleaning left.'),
  millrace_cleaner_read_records_total: counter('Records that cleaning looked at.'),
  millrace_cleaner_kept_records_total: counter('Records that it kept.'),

  process_resident_memory_bytes: gauge('Resident memory.'),
  process_cpu_seconds_total: counter('CPU time, user and system.'),
  process_cpu_user_seconds_total: counter('CPU time in the program.'),
  process_cpu_system_seconds_total: counter('CPU time in the system.'),
  process_start_time_seconds: gauge('Start of the process, seconds since 1970.'),
  process_open_fds: gauge('Open file descriptors (Linux).'),
  process_max_fds: gauge('Most open file descriptors (Linux).'),
  nodejs_heap_size_total_bytes: gauge('JavaScript heap.'),
  nodejs_heap_size_used_bytes: gauge('JavaScript heap in use.'),
  nodejs_external_memory_bytes: gauge('Memory of buffers and other objects outside the heap.'),
  nodejs_eventloop_lag_mean_seconds: gauge('Mean lateness of the event loop since it was last asked for.'),
  nodejs_eventloop_lag_p99_seconds: gauge('99th percentile of that lateness.'),
  nodejs_eventloop_lag_max_seconds: gauge('Greatest lateness.'),
  nodejs_eventloop_utilization: gauge(
    'Share of the time in which the event loop was busy, since it was last asked for.',
  ),
  nodejs_version_info: gauge('Version of Node.', 'version'),
} as const satisfies Record<string, MetricFacts>

export type MetricName = keyof typeof metricTable
