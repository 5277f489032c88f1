// Which configurations have an effect here, and in one sentence which. Everything else that Kafka knows is accepted with
// a note. The page docs/configuration.md is written from this table.

export const honouredSettings: Readonly<Record<string, string>> = {
  'node.id': 'Number of this broker, as clients see it.',
  'broker.id': 'Older name of node.id; if both stand, they must agree.',
  'broker.rack': 'Rack of this broker, as Metadata and DescribeCluster report it.',

  listeners: 'Addresses to listen on, as NAME://HOST:PORT; port 0 takes any free port, an empty host all interfaces.',
  'advertised.listeners': 'Addresses that clients are told to connect to; without it, the ones in listeners.',
  'listener.security.protocol.map': 'Security protocol of each listener name; only PLAINTEXT is available.',
  'controller.listener.names': 'Listeners of these names are left out: there is no separate controller.',
  'socket.request.max.bytes': 'A larger request closes its connection.',
  'socket.listen.backlog.size': 'Connections that may wait to be accepted.',
  'max.connections': 'Connections at the same time, over all listeners.',
  'max.connections.per.ip': 'Connections at the same time from one address.',
  'max.connections.per.ip.overrides': 'Other limits for some addresses, as ADDRESS:COUNT,….',
  'connections.max.idle.ms': 'A connection that is silent for so long is closed; a negative value never closes one.',
  'queued.max.requests': 'Requests under way at the same time; more wait in their sockets.',
  'queued.max.request.bytes': 'Bytes of requests under way at the same time; -1 sets no limit.',

  'num.partitions': 'Partitions of a topic that is created without a number.',
  'default.replication.factor':
    'Replication factor of a topic that is created without one; with one broker only 1 can be met.',
  'auto.create.topics.enable': 'Whether asking for a topic that is not there creates it.',
  'delete.topic.enable': 'Whether clients may delete topics.',
  'message.max.bytes': 'Largest record batch, compressed, that a producer may send.',
  'min.insync.replicas':
    'Replicas that must have a write before acks=all is answered; with one broker, more than 1 refuses such writes.',
  'compression.type': 'Codec that batches are stored in; producer leaves them as they come.',
  'compression.gzip.level': 'Level for gzip when the broker compresses.',
  'compression.lz4.level': 'Level for lz4 when the broker compresses.',
  'compression.zstd.level': 'Level for zstd when the broker compresses.',
  'fetch.max.bytes': 'Most bytes in one answer to a fetch; one batch is sent even if it is larger.',
  'max.incremental.fetch.session.cache.slots': 'Fetch sessions that are kept at the same time.',
  'max.request.partition.size.limit': 'Most partitions in one answer to DescribeTopicPartitions.',

  'group.min.session.timeout.ms': 'Shortest session timeout that a group member may ask for.',
  'group.max.session.timeout.ms': 'Longest session timeout that a group member may ask for.',
  'group.initial.rebalance.delay.ms': 'How long a new group waits for more members before its first rebalance.',
  'group.max.size': 'Most members in one group.',
  'offset.metadata.max.bytes': 'Longest note that may go with a committed offset.',
  'offsets.retention.minutes': 'How long committed offsets outlive the last member of their group.',
  'offsets.retention.check.interval.ms': 'How often expired offsets are looked for.',
  'producer.id.expiration.ms': 'How long the state of a silent idempotent producer is kept.',

  'transaction.max.timeout.ms': 'Longest time-out that a transactional producer may ask for.',
  'transactional.id.expiration.ms': 'How long a transactional id is remembered after its last transaction.',
  'transaction.abort.timed.out.transaction.cleanup.interval.ms':
    'How long after a failed try an abort is tried again; transactions are aborted when their time is up.',
  'transaction.remove.expired.transaction.cleanup.interval.ms': 'How often expired transactional ids are looked for.',
  'transaction.partition.verification.enable':
    'Whether a first transactional write is held against what the coordinator knows.',
  'add.partitions.to.txn.retry.backoff.max.ms':
    'How long adding to a transaction waits for the end of the one before, before the client is told to retry.',

  'log.dirs': 'Folders of the data, separated by commas; without it, log.dir.',
  'log.dir': 'Folder of the data.',
  'log.segment.bytes': 'Size at which a segment is closed and the next begun.',
  'log.roll.ms': 'Age at which a segment is closed; goes before log.roll.hours.',
  'log.roll.hours': 'Age at which a segment is closed, in hours.',
  'log.roll.jitter.ms': 'Random part taken off that age; goes before log.roll.jitter.hours.',
  'log.roll.jitter.hours': 'Random part taken off that age, in hours.',
  'log.retention.ms': 'Age at which closed segments are deleted, -1 for never; goes before minutes and hours.',
  'log.retention.minutes': 'The same in minutes; goes before log.retention.hours.',
  'log.retention.hours': 'The same in hours.',
  'log.retention.bytes': 'Size of a partition above which its oldest segments are deleted; -1 sets no limit.',
  'log.retention.check.interval.ms': 'How often segments are checked for deletion.',
  'log.cleanup.policy': 'What becomes of old records: delete, compact or both.',
  'log.cleaner.enable': 'Whether compacted topics are cleaned.',
  'log.cleaner.threads': '0 stops cleaning; above, one log at a time is cleaned, whatever the number.',
  'log.cleaner.backoff.ms': 'How often logs are looked at while none is worth cleaning.',
  'log.cleaner.dedupe.buffer.size': 'Most memory for the keys of one cleaning, 24 bytes each; taken as it is needed.',
  'log.cleaner.io.buffer.load.factor': 'Part of that memory that may be filled with keys.',
  'log.cleaner.io.buffer.size': 'Memory for reading and writing, half each.',
  'log.cleaner.io.max.bytes.per.second': 'Most bytes that cleaning reads and writes in a second.',
  'log.cleaner.min.cleanable.ratio': 'Part of a log that has to be dirty before it is cleaned.',
  'log.cleaner.min.compaction.lag.ms': 'Age below which a record is not cleaned away.',
  'log.cleaner.max.compaction.lag.ms': 'Age at which a record is cleaned however little of its log is dirty.',
  'log.cleaner.delete.retention.ms':
    'How long tombstones and transaction markers stay after the cleaning that finds nothing else for them to do.',
  'log.segment.delete.delay.ms': 'How long a deleted file stays on disk.',
  'log.index.size.max.bytes': 'Largest index file of a segment; a full index closes the segment.',
  'log.index.interval.bytes': 'Bytes of log between two index entries.',
  'log.preallocate': 'Whether the file of a new segment gets its full size at once.',
  'log.flush.interval.messages': 'Records after which a partition is forced to disk; 1 does so before each answer.',
  'log.flush.interval.ms': 'Longest time that a record waits to be forced to disk.',
  'log.flush.scheduler.interval.ms':
    'How often that time is checked, and its value when log.flush.interval.ms is not set.',
  'log.flush.offset.checkpoint.interval.ms': 'How often the recovery points are written.',
  'log.flush.start.offset.checkpoint.interval.ms': 'How often the log start offsets are written.',
  'log.message.timestamp.type': 'CreateTime keeps the timestamps of producers, LogAppendTime puts the time of arrival.',
  'log.message.timestamp.before.max.ms': 'How far in the past a timestamp may lie.',
  'log.message.timestamp.after.max.ms': 'How far in the future a timestamp may lie.',

  'millrace.admin.listener': 'HOST:PORT of /metrics, /healthz and /readyz; off when not set.',
  'millrace.allow.anonymous': 'Allows listeners beyond loopback although nobody has to authenticate.',
  'millrace.durable':
    'What is acknowledged is on the disk: log.flush.interval.messages is 1 unless it is set, and groups, offsets and transactions are synced too.',
  'millrace.log.format': 'Log lines as text, as json, or text on a terminal and json elsewhere (auto).',
  'millrace.log.level': 'Least level that is logged: debug, info, warn or error.',
  'millrace.nodes':
    'Nodes in threads of this process, as many brokers to clients: the second has node.id + 1 and the ports + 1, and so on. Limits hold for each.',
  'millrace.shutdown.timeout.ms': 'How long a stop waits for the requests under way.',
  'millrace.storage': 'disk, or memory, which forgets everything at the end.',
}

export const isHonoured = (name: string): boolean => Object.hasOwn(honouredSettings, name)
