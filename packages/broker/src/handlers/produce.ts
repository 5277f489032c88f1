/**
 * Validation happens here, before anything is appended; whatever depends on the offset (sequences, epochs) is the engine's. The batches of a
 * request go to the engine in one call and are answered together.
 */
import {
  type BatchRefusal,
  type ErrorName,
  errorCode,
  isTransactional,
  Produce,
  type ProduceRequest,
  type ProduceResponseInput,
  producerIdOf,
  recompressBatch,
  recordCountOf,
  stampLogAppendTime,
  validateBatch,
} from '@millrace/protocol'
import type { AppendOutcome, BatchEntry } from '@millrace/storage'
import type { TopicConfig } from '../config/topic-config.ts'
import { missingPartition, type Topic } from '../metadata/topic.ts'
import type { TopicMetrics } from '../metrics/topic-metrics.ts'
import { handler } from '../server/handler.ts'
import type { RequestContext } from '../server/request-context.ts'
import type { Services } from '../services.ts'
import { LeaderHints, mayHint } from './leader-hints.ts'
import { admitWrites, isVerified, needsAdmission, unverified } from './produce-admission.ts'
import { mayWriteTransactions } from './transaction-replies.ts'

type PartitionAnswer = ProduceResponseInput['responses'][number]['partitionResponses'][number]
type TopicRequest = ProduceRequest['topicData'][number]
type PartitionRequest = TopicRequest['partitionData'][number]

/** Kafka lets its own admin client write to internal topics. */
const ADMIN_CLIENT_ID = '__admin_client'
/** What a batch may grow to when decompressed: bombs are refused, and honest text at twenty to one is not. */
const DECOMPRESSED_BYTES_MIN = 32 << 20
const DECOMPRESSED_RATIO = 20
const ZSTD_SINCE = 7
const HINTS_SINCE = 10
const TOPIC_IDS_SINCE = 13

/** Where the answer for one partition goes. */
interface Slot {
  readonly topic: Topic
  readonly answers: PartitionAnswer[]
  readonly at: number
}

interface Write {
  readonly entry: BatchEntry
  readonly slot: Slot
}

/** The answers of one request, filled from two sides: refusals at once, the rest when the engine has answered. */
interface Draft {
  readonly ready: Write[]
  /** The first of their transactions in their partitions: the coordinator is asked before. */
  readonly unadmitted: Write[]
  transactionalProducerId: number
}

export const produce = handler(Produce, (services, request, cx) => {
  const draft: Draft = { ready: [], unadmitted: [], transactionalProducerId: -1 }
  const responses = request.topicData.map(topic => ({
    name: topic.name,
    topicId: topic.topicId,
    partitionResponses: answerTopic(services, draft, request, topic, cx),
  }))
  const answer = (): ProduceResponseInput | undefined => {
    // All batches are appended or refused, and the engine keeps none of them where it lies.
    cx.frameIsFree = true
    if (request.acks !== 0)
      return mayHint(services) && cx.version >= HINTS_SINCE ? withHints(services, responses, cx) : { responses }
    const failed = responses.flatMap(r => r.partitionResponses).find(p => p.errorCode !== 0)
    // With acks 0 nobody listens for an error: closing the connection is the only way to tell (and what Kafka does).
    if (failed !== undefined) cx.closeAfter(`a produce request with acks 0 failed with error ${failed.errorCode}`)
    return undefined
  }
  const appended = append(services, draft.ready)
  if (draft.unadmitted.length > 0)
    return Promise.all([appended, appendAdmitted(services, request, draft.unadmitted, cx)]).then(answer)
  return appended === undefined ? answer() : appended.then(answer)
})

function withHints(
  services: Services,
  responses: ProduceResponseInput['responses'],
  cx: RequestContext,
): ProduceResponseInput {
  const hints = new LeaderHints(services, cx)
  const hinted = responses.map(response => {
    const { image } = services
    const topic =
      cx.version >= TOPIC_IDS_SINCE ? image.topicById(response.topicId ?? '') : image.topic(response.name ?? '')
    const partitionResponses = response.partitionResponses.map(answer => {
      const currentLeader = hints.for(topic, answer.index, answer.errorCode)
      return currentLeader === undefined ? answer : { ...answer, currentLeader }
    })
    return { ...response, partitionResponses }
  })
  return { responses: hinted, nodeEndpoints: hints.nodeEndpoints }
}

/** Undefined when the answers are filled in already. */
function append(services: Services, writes: readonly Write[]): Promise<void> | undefined {
  if (writes.length === 0) return undefined
  const appended = services.logs.append(writes.map(({ entry }) => entry))
  if (appended instanceof Promise) return appended.then(outcomes => fill(services.metrics.topics, writes, outcomes))
  fill(services.metrics.topics, writes, appended)
  return undefined
}

async function appendAdmitted(
  services: Services,
  { transactionalId }: ProduceRequest,
  writes: readonly Write[],
  { version }: RequestContext,
): Promise<void> {
  const asked = writes.map(({ entry, slot }) => ({
    entry,
    place: { topic: slot.topic.name, partition: entry.partition.partition },
  }))
  const admitted = await admitWrites(services, { transactionalId: transactionalId ?? '', version }, asked)
  const ready: Write[] = []
  for (const [i, { slot }] of writes.entries()) {
    const entry = admitted[i]!
    if (typeof entry !== 'string') ready.push({ entry, slot })
    else {
      services.metrics.topics.produceFailed(slot.topic.name)
      slot.answers[slot.at] = refused(slot.answers[slot.at]!.index, entry)
    }
  }
  await append(services, ready)
}

function answerTopic(
  services: Services,
  draft: Draft,
  request: ProduceRequest,
  asked: TopicRequest,
  cx: RequestContext,
): PartitionAnswer[] {
  const topic =
    cx.version >= TOPIC_IDS_SINCE ? services.image.topicById(asked.topicId) : services.image.topic(asked.name)
  const error = refuseTopic(topic, request, cx)
  if (topic === undefined || error !== undefined)
    return asked.partitionData.map(({ index }) => refused(index, error ?? 'UNKNOWN_TOPIC_OR_PARTITION'))
  const answers: PartitionAnswer[] = []
  for (const partition of asked.partitionData) {
    const entry = prepare(topic, partition, cx)
    const error =
      'errorCode' in entry ? entry : put(services, draft, request, { entry, slot: slotAt(topic, answers) }, cx)
    if (error !== undefined) services.metrics.topics.produceFailed(topic.name)
    answers.push(error ?? refused(partition.index, 'UNKNOWN_SERVER_ERROR'))
  }
  return answers
}

const slotAt = (topic: Topic, answers: PartitionAnswer[]): Slot => ({ topic, answers, at: answers.length })

/** Puts a checked batch where it goes on, or answers why it may not. */
function put(
  services: Services,
  draft: Draft,
  { transactionalId }: ProduceRequest,
  write: Write,
  cx: RequestContext,
): PartitionAnswer | undefined {
  const { partition, records } = write.entry
  if (!isTransactional(records, 0)) {
    draft.ready.push(write)
    return undefined
  }
  const index = partition.partition
  if (transactionalId === null || !mayWriteTransactions(cx, transactionalId))
    return refused(index, 'TRANSACTIONAL_ID_AUTHORIZATION_FAILED')
  const producerId = producerIdOf(records, 0)
  if (draft.transactionalProducerId === -1) draft.transactionalProducerId = producerId
  if (draft.transactionalProducerId !== producerId)
    return refused(index, 'INVALID_PRODUCER_ID_MAPPING', 'transactional batches of more than one producer id')
  if (!needsAdmission(services, write.entry)) draft.ready.push(write)
  else if (isVerified(services, cx.version)) draft.unadmitted.push(write)
  else draft.ready.push({ ...write, entry: unverified(write.entry) })
  return undefined
}

function refuseTopic(topic: Topic | undefined, request: ProduceRequest, cx: RequestContext): ErrorName | undefined {
  const { acks } = request
  if (acks !== -1 && acks !== 0 && acks !== 1) return 'INVALID_REQUIRED_ACKS'
  if (topic === undefined) return cx.version >= TOPIC_IDS_SINCE ? 'UNKNOWN_TOPIC_ID' : 'UNKNOWN_TOPIC_OR_PARTITION'
  if (!cx.mayDo('WRITE', 'TOPIC', topic.name)) return 'TOPIC_AUTHORIZATION_FAILED'
  if (topic.isInternal && cx.clientId !== ADMIN_CLIENT_ID) return 'INVALID_TOPIC_EXCEPTION'
  return undefined
}

/** Checks one partition's records and brings them into the form in which the log keeps them. */
function prepare(topic: Topic, asked: PartitionRequest, cx: RequestContext): BatchEntry | PartitionAnswer {
  const partition = topic.partitions[asked.index]
  if (partition === undefined) return refused(asked.index, missingPartition(topic, asked.index))
  const sent = asked.records?.[0]
  if (sent === undefined) return refused(asked.index, 'INVALID_RECORD', 'the partition has no records')
  const { config } = topic
  const valid = validateBatch(sent, {
    maxMessageBytes: config.maxMessageBytes,
    decompressedBytesMax: decompressedBytesMax(config),
    isZstdAllowed: cx.version >= ZSTD_SINCE,
    timestampType: config.messageTimestampType,
    timestampBeforeMaxMs: config.messageTimestampBeforeMaxMs,
    timestampAfterMaxMs: config.messageTimestampAfterMaxMs,
    now: cx.receivedMs,
    keysRequired: config.cleanupPolicy.includes('compact'),
  })
  if (valid.kind === 'refused') return refusedBatch(asked.index, valid)
  let records = valid.sizeInBytes === sent.length ? sent : sent.subarray(0, valid.sizeInBytes)
  records = recompressed(records, config)
  if (config.messageTimestampType === 'LogAppendTime') stampLogAppendTime(records, 0, cx.receivedMs)
  return { partition, records }
}

/** `compression.type` other than `producer`: the log keeps everything in one codec. */
function recompressed(records: Buffer, config: TopicConfig): Buffer {
  const { compressionType } = config
  if (compressionType === 'producer') return records
  const codec = compressionType === 'uncompressed' ? 'none' : compressionType
  const level = {
    none: undefined,
    snappy: undefined,
    gzip: config.compressionGzipLevel,
    lz4: config.compressionLz4Level,
    zstd: config.compressionZstdLevel,
  }[codec]
  return recompressBatch(records, {
    codec,
    maxBytes: decompressedBytesMax(config),
    ...(level !== undefined && { level }),
  })
}

const decompressedBytesMax = (config: TopicConfig): number =>
  Math.max(DECOMPRESSED_BYTES_MIN, DECOMPRESSED_RATIO * config.maxMessageBytes)

function fill(counts: TopicMetrics, writes: readonly Write[], outcomes: readonly AppendOutcome[]): void {
  for (const [i, outcome] of outcomes.entries()) {
    const { entry, slot } = writes[i]!
    const { topic, answers, at } = slot
    const { index } = answers[at]!
    if (outcome.kind === 'refused') {
      counts.produceFailed(topic.name)
      answers[at] = refused(index, outcome.error, outcome.message)
      continue
    }
    const { records } = entry
    if (outcome.kind === 'duplicate') counts.duplicateBatches++
    else counts.produced(topic.name, recordCountOf(records, 0), records.length)
    answers[at] = {
      index,
      errorCode: 0,
      baseOffset: outcome.baseOffset,
      logAppendTimeMs: topic.config.messageTimestampType === 'LogAppendTime' ? outcome.logAppendTimeMs : -1,
      logStartOffset: outcome.logStartOffset,
    }
  }
}

function refused(index: number, error: ErrorName, errorMessage: string | null = null): PartitionAnswer {
  return { index, errorCode: errorCode(error), baseOffset: -1, errorMessage }
}

function refusedBatch(index: number, refusal: BatchRefusal): PartitionAnswer {
  const recordErrors = refusal.recordErrors.map(({ batchIndex, message }) => ({
    batchIndex,
    batchIndexErrorMessage: message,
  }))
  return { ...refused(index, refusal.error, refusal.message), recordErrors }
}
