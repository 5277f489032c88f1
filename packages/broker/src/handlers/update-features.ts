/** Raises, lowers or removes finalised features (KIP-584, KIP-1022): all that are named, or none. */
import { type ErrorName, errorCode, UpdateFeatures, type UpdateFeaturesRequest } from '@millrace/protocol'
import { METADATA_VERSION, supportedFeatures } from '../metadata/features.ts'
import { CLUSTER } from '../security/authorizer.ts'
import { handler } from '../server/handler.ts'
import type { Services } from '../services.ts'

type Update = UpdateFeaturesRequest['featureUpdates'][number]

const RESULTS_UNTIL = 1
const UPGRADE = 1
const UNSAFE_DOWNGRADE = 3

export const updateFeatures = handler(UpdateFeatures, async (services, request, cx) => {
  if (!cx.mayDo('ALTER', 'CLUSTER', CLUSTER)) return answer('CLUSTER_AUTHORIZATION_FAILED', null)
  for (const update of request.featureUpdates) {
    const refused = refuse(services, update)
    if (refused !== undefined)
      return answer(
        'INVALID_UPDATE_VERSION',
        `The update failed for all features since the following feature had an error: ${refused}`,
      )
  }
  if (!request.validateOnly) await write(services, request.featureUpdates)
  if (cx.version > RESULTS_UNTIL) return answer('NONE', null)
  // Kafka's message of no error is the name of none.
  const results = request.featureUpdates.map(({ feature }) => ({ feature, errorCode: 0, errorMessage: 'NONE' }))
  return { ...answer('NONE', null), results }
})

function write(services: Services, updates: readonly Update[]): Promise<void> {
  const changed = updates.filter(
    ({ feature, maxVersionLevel }) => services.features.levelOf(feature) !== maxVersionLevel,
  )
  return services.catalog.write(
    changed.map(({ feature, maxVersionLevel }) => ({ kind: 'setFeature', name: feature, level: maxVersionLevel })),
  )
}

const answer = (error: ErrorName, errorMessage: string | null) => ({
  throttleTimeMs: 0,
  errorCode: errorCode(error),
  errorMessage,
  results: [],
})

/** Kafka's words, in which its tool shows them. Version 0 has no type and cannot lower a level, whatever it asks for. */
function refuse(services: Services, { feature, maxVersionLevel: level, upgradeType }: Update): string | undefined {
  const because = (why: string): string => `Invalid update version ${level} for feature ${feature}. ${why}`
  if (upgradeType < UPGRADE || upgradeType > UNSAFE_DOWNGRADE)
    return because('The controller does not support the given upgrade type.')
  const supported = supportedFeatures.find(({ name }) => name === feature)
  const controller = `Local controller ${services.config.nodeId}`
  if (supported === undefined) return because(`${controller} does not support this feature.`)
  if (level < 0) return because('A feature version cannot be less than 0.')
  const { minVersion, maxVersion } = supported
  if (level < minVersion || level > maxVersion)
    return because(`${controller} only supports versions ${minVersion}-${maxVersion}`)
  const current = services.features.levelOf(feature)
  if (level < current && upgradeType === UPGRADE)
    return because(
      "Can't downgrade the version of this feature without setting the upgrade type to either safe or unsafe downgrade.",
    )
  if (feature === METADATA_VERSION.name && level !== current)
    return `Unsupported metadata.version downgrade from ${current} to ${level}. Refusing to perform the requested downgrade because it might delete metadata information.`
  return undefined
}
