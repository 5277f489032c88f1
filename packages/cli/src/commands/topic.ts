import { Command } from 'commander'
import { collect, wholeNumberOption } from '../shared/global-options.ts'
import { action } from '../shared/session.ts'

export interface CreateOptions {
  readonly partitions?: number
  readonly replicas?: number
  readonly config: readonly string[]
  readonly ifNotExists: boolean
  readonly dryRun: boolean
}

export interface AlterOptions {
  readonly partitions?: number
  readonly config: readonly string[]
  readonly unset: readonly string[]
  readonly dryRun: boolean
}

export interface TrimOptions {
  readonly before: string
  readonly partition?: string
  readonly execute: boolean
}

const PARTITIONS_MAX = 1_000_000
const work = () => import('../topic.ts')

export function topicCommand(): Command {
  const topic = new Command('topic').description('Create, look at, change and delete topics').addHelpText(
    'after',
    `
Examples:
  $ millrace topic create orders -p 6 -c retention.ms=604800000
  $ millrace topic list
  $ millrace topic describe orders`,
  )
  for (const command of [list(), create(), describe(), alter(), remove(), trim()]) topic.addCommand(command)
  return topic
}

const list = (): Command =>
  new Command('list')
    .description('List topics')
    .argument('[pattern]', 'a regular expression that names are to match')
    .option('-i, --internal', 'with internal topics', false)
    .addHelpText('after', "\nExamples:\n  $ millrace topic list\n  $ millrace topic list '^logs-' --output json")
    .action(action<[string | undefined, { internal: boolean }]>(async () => (await work()).listTopics))

const create = (): Command =>
  new Command('create')
    .description('Create topics')
    .argument('<topics...>', 'their names')
    .option(
      '-p, --partitions <number>',
      "how many partitions (default: the broker's num.partitions)",
      wholeNumberOption(1, PARTITIONS_MAX),
    )
    .option('-r, --replicas <number>', "on how many brokers (default: the broker's)", wholeNumberOption(1, 32_767))
    .option('-c, --config <name=value>', 'a configuration; may be given many times', collect, [])
    .option('--if-not-exists', 'a topic that is there already is no failure', false)
    .option('--dry-run', 'only find out whether it could be done', false)
    .addHelpText(
      'after',
      `
Examples:
  $ millrace topic create orders
  $ millrace topic create clicks views -p 12 -c retention.ms=86400000
  $ millrace topic create users -c cleanup.policy=compact --if-not-exists`,
    )
    .action(action<[readonly string[], CreateOptions]>(async () => (await work()).createTopics))

const describe = (): Command =>
  new Command('describe')
    .description('Show partitions, leaders, offsets, and the configurations that were set')
    .argument('<topics...>', 'topics; a word that begins with ^ is a pattern')
    .addHelpText(
      'after',
      "\nExamples:\n  $ millrace topic describe orders\n  $ millrace topic describe '^logs-' --output json",
    )
    .action(action<[readonly string[]]>(async () => (await work()).describe))

const alter = (): Command =>
  new Command('alter')
    .description('Add partitions, set or unset configurations')
    .argument('<topic>')
    .option('-p, --partitions <number>', 'how many there are to be in all', wholeNumberOption(1, PARTITIONS_MAX))
    .option('-c, --config <name=value>', 'set a configuration; may be given many times', collect, [])
    .option('--unset <name>', 'back to the default; may be given many times', collect, [])
    .option('--dry-run', 'only find out whether it could be done', false)
    .addHelpText(
      'after',
      `
Records with keys that are written after partitions were added may go to other partitions than before.

Examples:
  $ millrace topic alter orders -p 12
  $ millrace topic alter orders -c retention.ms=3600000 --unset segment.bytes`,
    )
    .action(action<[string, AlterOptions]>(async () => (await work()).alterTopic))

const remove = (): Command =>
  new Command('delete')
    .description('Delete topics and all that is in them')
    .argument('<topics...>', 'topics; a word that begins with ^ is a pattern, which needs --yes')
    .option('-y, --yes', 'delete what the pattern matches; without it, only show that', false)
    .addHelpText('after', "\nExamples:\n  $ millrace topic delete scratch\n  $ millrace topic delete '^tmp-' --yes")
    .action(action<[readonly string[], { yes: boolean }]>(async () => (await work()).deleteTopics))

const trim = (): Command =>
  new Command('trim')
    .description('Delete the oldest records of a topic')
    .argument('<topic>')
    .requiredOption('--before <position>', 'records before it go: an offset, end, -100, @7d, @2026-11-24')
    .option('-p, --partition <numbers>', 'these partitions only: 0, or 0,2, or 0-3')
    .option('--execute', 'do it; without it, only show what would go', false)
    .addHelpText(
      'after',
      '\nExamples:\n  $ millrace topic trim logs --before @7d\n  $ millrace topic trim logs --before end --execute',
    )
    .action(action<[string, TrimOptions]>(async () => (await import('../topic-trim.ts')).trimTopic))
