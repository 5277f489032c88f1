import { type ErrorName, OffsetDelete } from '@millrace/protocol'
import { handler } from '../server/handler.ts'
import { answerByGroup, codeOf, errorsOf, refuseGroup } from './group-replies.ts'

export const offsetDelete = handler(OffsetDelete, (services, request, cx) => {
  const { groupId } = request
  const unauthorized = refuseGroup(services, cx, 'DELETE', groupId)
  if (unauthorized !== undefined) return { errorCode: codeOf(unauthorized), topics: [] }
  const refusals = new Map<string, ErrorName>()
  for (const { name } of request.topics) {
    if (!cx.mayDo('READ', 'TOPIC', name)) refusals.set(name, 'TOPIC_AUTHORIZATION_FAILED')
    else if (services.image.topic(name) === undefined) refusals.set(name, 'UNKNOWN_TOPIC_OR_PARTITION')
  }
  const partitions = request.topics
    .filter(({ name }) => !refusals.has(name))
    .flatMap(({ name, partitions: asked }) => asked.map(p => ({ topic: name, partition: p.partitionIndex })))
  return answerByGroup(
    { services, cx },
    groupId,
    (id, now, { offsets, transactions }) => ({
      kind: 'deleteOffsets',
      now,
      request: id,
      partitions,
      offsets,
      transactions,
    }),
    {
      offsetsDeleted: ({ partitions: deleted }) => {
        const errorOf = errorsOf(deleted)
        const topics = request.topics.map(({ name, partitions: asked }) => ({
          name,
          partitions: asked.map(({ partitionIndex }) => ({
            partitionIndex,
            errorCode: codeOf(refusals.get(name) ?? errorOf(name, partitionIndex)),
          })),
        }))
        return { errorCode: 0, topics }
      },
      deleteRefused: ({ error }) => ({ errorCode: codeOf(error), topics: [] }),
    },
  )
})
