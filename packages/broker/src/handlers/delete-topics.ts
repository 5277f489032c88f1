import { DeleteTopics, type DeleteTopicsResponseInput, type ErrorName, errorCode, ZERO_UUID } from '@millrace/protocol'
import type { Topic } from '../metadata/topic.ts'
import { handler } from '../server/handler.ts'
import type { RequestContext } from '../server/request-context.ts'
import type { Services } from '../services.ts'

type TopicAnswer = DeleteTopicsResponseInput['responses'][number]
interface TopicKey {
  readonly name: string | null
  readonly topicId: string
}

/** Versions before this one do not know TOPIC_DELETION_DISABLED. */
const DELETION_DISABLED_SINCE = 3

export const deleteTopics = handler(DeleteTopics, async (services, request, cx) => {
  const asked: TopicKey[] = [...request.topics, ...request.topicNames.map(name => ({ name, topicId: ZERO_UUID }))]
  if (!services.config.deleteTopicEnable) {
    const error = cx.version < DELETION_DISABLED_SINCE ? 'INVALID_REQUEST' : 'TOPIC_DELETION_DISABLED'
    return { responses: asked.map(key => refused(key, error, 'Topic deletion is disabled.')) }
  }
  const responses: TopicAnswer[] = []
  const doomed = new Map<string, Topic>()
  for (const key of distinct(asked, responses)) {
    const topic = resolve(services, key, cx)
    if ('errorCode' in topic) responses.push(topic)
    else if (doomed.has(topic.id)) {
      // Named once by name and once by id: Kafka refuses both.
      doomed.delete(topic.id)
      const message = 'The provided topic name maps to an ID that was already supplied.'
      responses.push(refused({ name: topic.name, topicId: topic.id }, 'INVALID_REQUEST', message))
    } else doomed.set(topic.id, topic)
  }
  // Together, so that all of them are one commit.
  const removed = await Promise.all([...doomed.values()].map(topic => remove(services, topic)))
  return { responses: [...responses, ...removed] }
})

/** What is named once. What is named oddly, or more than once, is answered. */
function distinct(asked: readonly TopicKey[], responses: TopicAnswer[]): TopicKey[] {
  const seen = new Map<string, { readonly key: TopicKey; repeated: boolean }>()
  for (const key of asked) {
    const { name, topicId } = key
    if (name === null && topicId === ZERO_UUID)
      responses.push(refused(key, 'INVALID_REQUEST', 'Neither topic name nor id were specified.'))
    else if (name !== null && topicId !== ZERO_UUID)
      responses.push(refused(key, 'INVALID_REQUEST', 'You may not specify both topic name and topic id.'))
    else {
      const text = name === null ? `id:${topicId}` : `name:${name}`
      const known = seen.get(text)
      if (known === undefined) seen.set(text, { key, repeated: false })
      else known.repeated = true
    }
  }
  const once: TopicKey[] = []
  for (const { key, repeated } of seen.values()) {
    if (!repeated) once.push(key)
    else responses.push(refused(key, 'INVALID_REQUEST', `Duplicate topic ${key.name === null ? 'id' : 'name'}.`))
  }
  return once
}

function resolve(services: Services, key: TopicKey, cx: RequestContext): Topic | TopicAnswer {
  const { name, topicId } = key
  if (name !== null && !cx.mayDo('DESCRIBE', 'TOPIC', name)) return refused(key, 'TOPIC_AUTHORIZATION_FAILED', null)
  const topic = name === null ? services.image.topicById(topicId) : services.image.topic(name)
  if (topic === undefined)
    return name === null
      ? refused(key, 'UNKNOWN_TOPIC_ID', 'This server does not host this topic ID.')
      : refused(key, 'UNKNOWN_TOPIC_OR_PARTITION', 'This server does not host this topic-partition.')
  // The name behind an id stays hidden from those who may not see the topic.
  if (!cx.mayDo('DESCRIBE', 'TOPIC', topic.name)) return refused(key, 'TOPIC_AUTHORIZATION_FAILED', null)
  if (!cx.mayDo('DELETE', 'TOPIC', topic.name))
    return refused({ name: topic.name, topicId }, 'TOPIC_AUTHORIZATION_FAILED', null)
  return topic
}

async function remove(services: Services, topic: Topic): Promise<TopicAnswer> {
  const refusal = await services.topics.remove(topic)
  const key = { name: topic.name, topicId: topic.id }
  return refusal === undefined ? { ...key, errorCode: 0 } : refused(key, refusal.error, refusal.message)
}

const refused = ({ name, topicId }: TopicKey, error: ErrorName, errorMessage: string | null): TopicAnswer => ({
  name,
  topicId,
  errorCode: errorCode(error),
  errorMessage,
})
