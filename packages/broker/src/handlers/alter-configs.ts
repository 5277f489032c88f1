import { AlterConfigs } from '@millrace/protocol'
import { handler } from '../server/handler.ts'
import { answerAlterations } from './config-alterations.ts'

/** The older form: replaces everything, and what is not named goes back to its default. */
export const alterConfigs = handler(AlterConfigs, async (services, request, cx) => ({
  throttleTimeMs: 0,
  responses: await answerAlterations(services, request, cx, ({ configs }) => ({ replaceBy: configs })),
}))
