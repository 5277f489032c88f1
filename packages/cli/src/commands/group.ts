import { Command } from 'commander'
import { collect, wholeNumberOption } from '../shared/global-options.ts'
import { action } from '../shared/session.ts'

export interface ResetOptions {
  readonly to?: string
  readonly shiftBy?: number
  readonly fromGroup?: string
  readonly fromFile?: string
  readonly topic: readonly string[]
  readonly allTopics: boolean
  readonly execute: boolean
}

const work = () => import('../group.ts')

export function groupCommand(): Command {
  const group = new Command('group')
    .description('Look at consumer groups, move their offsets, delete them')
    .addHelpText(
      'after',
      `
Examples:
  $ millrace group list
  $ millrace group describe billing
  $ millrace group reset billing --topic orders --to @1h`,
    )
  for (const command of [list(), describe(), reset(), remove(), deleteOffsets()]) group.addCommand(command)
  return group
}

const list = (): Command =>
  new Command('list')
    .description('List groups')
    .argument('[pattern]', 'a regular expression that names are to match')
    .option('--state <state>', 'only those in this state; may be given many times', collect, [])
    .addHelpText('after', '\nExamples:\n  $ millrace group list\n  $ millrace group list --state Stable --output json')
    .action(action<[string | undefined, { state: readonly string[] }]>(async () => (await work()).listGroups))

const describe = (): Command =>
  new Command('describe')
    .description('Show committed offsets, how far each is behind, and who reads what')
    .argument('<groups...>', 'their names')
    .option('--members', 'members and their partitions instead of offsets', false)
    .addHelpText(
      'after',
      '\nExamples:\n  $ millrace group describe billing\n  $ millrace group describe billing --members',
    )
    .action(action<[readonly string[], { members: boolean }]>(async () => (await work()).describeGroups))

const reset = (): Command =>
  new Command('reset')
    .description("Move a group's committed offsets; the group may have no members")
    .argument('<group>')
    .option('--to <position>', 'beginning, end, 42, -10, +10, @1h, @2026-11-24T05:00:00Z, or current')
    .option('--shift-by <number>', 'forward, or back if negative', wholeNumberOption(Number.MIN_SAFE_INTEGER))
    .option('--from-group <group>', 'to where another group stands')
    .option('--from-file <file>', 'lines of topic,partition,offset; - is stdin')
    .option('-t, --topic <topic[:partitions]>', 'orders, or orders:0,2; may be given many times', collect, [])
    .option('--all-topics', 'all that the group has offsets for', false)
    .option('--execute', 'do it; without it, only show what would change', false)
    .addHelpText(
      'after',
      `
Offsets are kept within what the partitions hold.

Examples:
  $ millrace group reset billing --topic orders --to beginning
  $ millrace group reset billing --topic orders:0,1 --to @2026-11-24T05:00:00Z --execute
  $ millrace group reset billing --all-topics --shift-by -100
  $ millrace group reset copy --from-group billing --execute`,
    )
    .action(action<[string, ResetOptions]>(async () => (await import('../group-reset.ts')).resetGroup))

const remove = (): Command =>
  new Command('delete')
    .description('Delete groups and their offsets')
    .argument('<groups...>', 'their names')
    .addHelpText('after', '\nExamples:\n  $ millrace group delete billing\n  $ millrace group delete try-1 try-2')
    .action(action<[readonly string[]]>(async () => (await work()).deleteGroups))

const deleteOffsets = (): Command =>
  new Command('delete-offsets')
    .description("Delete a group's offsets for topics")
    .argument('<group>')
    .requiredOption('-t, --topic <topic[:partitions]>', 'orders, or orders:0,2; may be given many times', collect)
    .addHelpText(
      'after',
      '\nExamples:\n  $ millrace group delete-offsets billing --topic orders\n  $ millrace group delete-offsets billing --topic orders:3',
    )
    .action(
      action<[string, { topic: readonly string[] }]>(
        async () => (await import('../group-reset.ts')).deleteGroupOffsets,
      ),
    )
