import { Command } from 'commander'
import { collect } from '../shared/global-options.ts'
import { action } from '../shared/session.ts'

export interface ImportOptions {
  readonly from: readonly string[]
  readonly config?: string
  readonly set: readonly string[]
  readonly topic: readonly string[]
  readonly move: boolean
  readonly allowMissing: boolean
  readonly dryRun: boolean
}

export function importCommand(): Command {
  return new Command('import')
    .description('Bring a data folder written by Apache Kafka into the data folder of a stopped Millrace')
    .requiredOption('--from <folder>', "Kafka's log.dirs; may be given many times", collect)
    .option('-c, --config <file>', "Millrace's server.properties file")
    .option(
      '-s, --set <name=value>',
      "one of Millrace's configurations, such as log.dirs; may be given many times",
      collect,
      [],
    )
    .option('-t, --topic <name>', 'this topic only; may be given many times', collect, [])
    .option('--move', 'move the partitions instead of copying them', false)
    .option('--allow-missing', 'partitions that are in none of the folders become empty ones', false)
    .option('--dry-run', 'only show what would be brought in', false)
    .addHelpText(
      'after',
      `
Both sides must be stopped. Topics come with their ids and records; with their configurations where the folder holds
__cluster_metadata-0, as it does where broker and controller are one; and with the offsets of consumer groups where it holds
__consumer_offsets. Topics that are there already are not touched: the import refuses.

Examples:
  $ millrace import --from /var/lib/kafka/data --dry-run
  $ millrace import --from /var/lib/kafka/data --set log.dirs=data
  $ millrace import --from disk1 --from disk2 --topic orders --config millrace.properties`,
    )
    .action(action<[ImportOptions]>(async () => (await import('../import.ts')).importFolders))
}
