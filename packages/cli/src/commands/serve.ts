import { Command } from 'commander'

export interface ServeOptions {
  readonly config?: string
  readonly set: readonly string[]
  readonly ephemeral: boolean
  readonly allowAnonymous: boolean
  readonly durable: boolean
  readonly nodes?: string
}

const collect = (value: string, earlier: readonly string[]): readonly string[] => [...earlier, value]

export function serveCommand(): Command {
  return new Command('serve')
    .description('Run a broker')
    .option('-c, --config <file>', 'a server.properties file')
    .option(
      '-s, --set <name=value>',
      'set one configuration; may be given many times and wins over file and environment',
      collect,
      [],
    )
    .option('--nodes <count>', 'run so many nodes, each in a thread of its own (millrace.nodes)')
    .option('--ephemeral', 'keep everything in memory and nothing on disk', false)
    .option('--durable', 'acknowledge what is on the disk and nothing before (millrace.durable)', false)
    .option('--allow-anonymous', 'let listeners beyond loopback be used by anyone who can reach them', false)
    .action(async (options: ServeOptions) => {
      const { serve } = await import('../serve.ts')
      process.exitCode = await serve(options)
    })
}
