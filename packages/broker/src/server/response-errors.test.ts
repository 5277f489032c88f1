import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ApiVersions, CreateTopics, Fetch, Heartbeat, Metadata, Produce } from '@millrace/protocol'
import { errorVisitor } from './response-errors.ts'

function errorsIn(type: Parameters<typeof errorVisitor>[0], response: object): number[] {
  const found: number[] = []
  errorVisitor(type)?.(response as Record<string, unknown>, code => found.push(code))
  return found
}

test('error codes are found on every level of a response, and 0 is none', () => {
  const produced = (codes: number[]) => ({
    responses: [{ partitionResponses: codes.map((errorCode, index) => ({ index, errorCode })) }],
  })
  assert.deepEqual(errorsIn(Produce.response.type, produced([0, 3, 0, 87])), [3, 87])
  assert.deepEqual(errorsIn(Fetch.response.type, { errorCode: 70, responses: [] }), [70])
  assert.deepEqual(
    errorsIn(Fetch.response.type, { responses: [{ partitions: [{ errorCode: 1 }, {}] }, { partitions: [] }] }),
    [1],
  )
  assert.deepEqual(errorsIn(Heartbeat.response.type, { errorCode: 27 }), [27])
  assert.deepEqual(errorsIn(CreateTopics.response.type, { topics: [{ errorCode: 36 }, { errorCode: 0 }] }), [36])
  assert.deepEqual(
    errorsIn(Metadata.response.type, { topics: [{ errorCode: 3, partitions: [{ errorCode: 5 }] }] }),
    [3, 5],
  )
})

test('fields that were left out are no errors', () => {
  for (const api of [Produce, Fetch, Metadata, ApiVersions]) assert.deepEqual(errorsIn(api.response.type, {}), [])
})
