import { ApiVersions, type ApiVersionsResponseInput, errorCode, Writer, writeResponseHeader } from '@millrace/protocol'
import { supportedFeatures } from '../metadata/features.ts'
import { type AnyHandler, handler } from '../server/handler.ts'
import type { Services } from '../services.ts'

const SOFTWARE_NAME = /^[a-zA-Z0-9](?:[a-zA-Z0-9\-.]*[a-zA-Z0-9])?$/
const PRODUCE = 0
const LEVEL_0_SINCE = 4

export const apiVersions = handler(ApiVersions, (services, request, cx) => {
  if (
    cx.version >= 3 &&
    !(SOFTWARE_NAME.test(request.clientSoftwareName) && SOFTWARE_NAME.test(request.clientSoftwareVersion))
  )
    return { errorCode: errorCode('INVALID_REQUEST'), apiKeys: [] }
  const { clusterId, nodeId } = request
  if (clusterId !== null || nodeId !== -1) {
    if (clusterId === null || nodeId === -1) return { errorCode: errorCode('INVALID_REQUEST'), apiKeys: [] }
    // KIP-1242: the client means another cluster or node, and is to ask its bootstrap servers again.
    if (clusterId !== services.image.clusterId || nodeId !== services.config.nodeId)
      return { errorCode: errorCode('REBOOTSTRAP_REQUIRED'), apiKeys: [] }
  }
  return served(services, cx.version)
})

function served(services: Services, version: number): ApiVersionsResponseInput {
  const apiKeys = services.registry.all().map(({ key, versions: [min, max] }) => ({
    apiKey: key,
    // librdkafka sends compressed batches only to brokers that list version 0 of Produce; Kafka lists it and does not serve it either.
    minVersion: key === PRODUCE ? 0 : min,
    maxVersion: max,
  }))
  return {
    errorCode: 0,
    apiKeys,
    // KIP-1022: clients of older versions fail on a feature that can be at level 0.
    supportedFeatures: supportedFeatures.filter(({ minVersion }) => minVersion > 0 || version >= LEVEL_0_SINCE),
    finalizedFeaturesEpoch: services.features.epoch,
    finalizedFeatures: services.features.finalized.map(({ name, level }) => ({
      name,
      minVersionLevel: level,
      maxVersionLevel: level,
    })),
  }
}

/** The answer to a version that is too new: in the layout of version 0, which every client can read (KIP-511). */
export function unsupportedApiVersions(h: AnyHandler, correlationId: number): Writer {
  const w = new Writer()
  w.int32(0)
  writeResponseHeader(w, correlationId, false)
  const own = { apiKey: h.key, minVersion: h.versions[0], maxVersion: h.versions[1] }
  ApiVersions.response.write(w, { errorCode: errorCode('UNSUPPORTED_VERSION'), apiKeys: [own] }, 0)
  w.patchInt32(w.length - 4)
  return w
}
