import { Registry } from '../server/handler.ts'
import { apiVersions } from './api-versions.ts'
import { createTopics } from './create-topics.ts'
import { fetch } from './fetch.ts'
import { listOffsets } from './list-offsets.ts'
import { metadata } from './metadata.ts'
import { produce } from './produce.ts'

/** Every API that this broker serves, in key order. What is not here is not advertised. */
export const registry: Registry = new Registry([produce, fetch, listOffsets, metadata, apiVersions, createTopics])
