import { Command } from 'commander'
import { action } from '../shared/session.ts'

export function versionCommand(): Command {
  return new Command('version').description('Show the version of this program and of the Node that runs it').action(
    action(async () => {
      const { packageVersion } = await import('../shared/version.ts')
      return async ({ out }) => {
        const version = {
          millrace: packageVersion(),
          node: process.versions.node,
          platform: `${process.platform}-${process.arch}`,
        }
        out.result(version, () =>
          out.print(`millrace ${version.millrace} (Node ${version.node}, ${version.platform})\n`),
        )
      }
    }),
  )
}
