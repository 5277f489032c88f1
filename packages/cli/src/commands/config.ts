import { Argument, Command } from 'commander'
import { action } from '../shared/session.ts'

export const resourceTypes = ['topic', 'broker', 'group', 'client-metrics'] as const
export type ResourceType = (typeof resourceTypes)[number]

const work = () => import('../config.ts')
const type = (): Argument => new Argument('<type>', 'of what').choices(resourceTypes)
const NAME = 'its name; for a broker its number, or default for what all brokers have'

export function configCommand(): Command {
  const config = new Command('config')
    .description('Read and change configurations of topics, brokers and groups')
    .addHelpText(
      'after',
      `
Examples:
  $ millrace config describe topic orders
  $ millrace config set topic orders retention.ms=86400000
  $ millrace config get broker 1 log.retention.ms`,
    )
  for (const command of [list(), describe(), get(), set(), remove(), append(), subtract()]) config.addCommand(command)
  return config
}

const list = (): Command =>
  new Command('list')
    .description('List what has configurations')
    .addArgument(new Argument('[type]', 'of what').choices(resourceTypes))
    .addHelpText('after', '\nExamples:\n  $ millrace config list\n  $ millrace config list topic')
    .action(action<[ResourceType | undefined]>(async () => (await work()).listResources))

const describe = (): Command =>
  new Command('describe')
    .description('Show configurations, and where each value comes from')
    .addArgument(type())
    .argument('<name>', NAME)
    .option('--changed', 'only those that are not at their default', false)
    .option('--docs', 'with what each one means', false)
    .addHelpText(
      'after',
      '\nExamples:\n  $ millrace config describe topic orders\n  $ millrace config describe broker 1 --changed\n  $ millrace config describe broker default',
    )
    .action(
      action<[ResourceType, string, { changed: boolean; docs: boolean }]>(async () => (await work()).describeConfigs),
    )

const get = (): Command =>
  new Command('get')
    .description('Print the value of configurations')
    .addArgument(type())
    .argument('<name>', NAME)
    .argument('<configs...>', 'which ones; with more than one the answer is name=value')
    .addHelpText(
      'after',
      '\nExamples:\n  $ millrace config get topic orders retention.ms\n  $ millrace config get broker 1 log.dirs num.partitions',
    )
    .action(action<[ResourceType, string, readonly string[]]>(async () => (await work()).getConfigs))

const set = (): Command =>
  new Command('set')
    .description('Set configurations and leave the others as they are')
    .addArgument(type())
    .argument('<name>', NAME)
    .argument('<name=value...>', 'what they are to be')
    .option('--dry-run', 'only find out whether it could be done', false)
    .addHelpText(
      'after',
      '\nExamples:\n  $ millrace config set topic orders retention.ms=86400000 cleanup.policy=compact,delete\n  $ millrace config set broker default log.retention.ms=604800000',
    )
    .action(
      action<[ResourceType, string, readonly string[], { dryRun: boolean }]>(async () => (await work()).setConfigs),
    )

const remove = (): Command =>
  new Command('delete')
    .description('Unset configurations: back to the default')
    .addArgument(type())
    .argument('<name>', NAME)
    .argument('<configs...>', 'which ones')
    .option('--dry-run', 'only find out whether it could be done', false)
    .addHelpText(
      'after',
      '\nExamples:\n  $ millrace config delete topic orders retention.ms\n  $ millrace config delete broker 1 log.retention.ms',
    )
    .action(
      action<[ResourceType, string, readonly string[], { dryRun: boolean }]>(async () => (await work()).deleteConfigs),
    )

const append = (): Command => listChange('append', 'Add to lists')
const subtract = (): Command => listChange('subtract', 'Take out of lists')

function listChange(operation: 'append' | 'subtract', description: string): Command {
  return new Command(operation)
    .description(description)
    .addArgument(type())
    .argument('<name>', NAME)
    .argument('<name=value...>', 'the list, and what is added or taken out; several words with commas between')
    .option('--dry-run', 'only find out whether it could be done', false)
    .addHelpText(
      'after',
      `\nExamples:\n  $ millrace config ${operation} topic orders cleanup.policy=compact\n  $ millrace config ${operation} topic orders cleanup.policy=compact --dry-run`,
    )
    .action(
      action<[ResourceType, string, readonly string[], { dryRun: boolean }]>(async () => {
        const { changeLists } = await work()
        return changeLists(operation)
      }),
    )
}
