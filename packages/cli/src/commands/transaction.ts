import { Command, Option } from 'commander'
import { action } from '../shared/session.ts'

export interface TransactionDropOptions {
  readonly dir: string
  readonly execute: boolean
}

export function transactionCommand(): Command {
  return new Command('transaction')
    .description('Transactional ids in the catalog of a data folder')
    .addHelpText(
      'after',
      `
Examples:
  $ millrace transaction drop                 the records in ./millrace-data that cannot be read
  $ millrace transaction drop --dir data --execute`,
    )
    .addCommand(dropCommand())
}

function dropCommand(): Command {
  return new Command('drop')
    .description('Say which records of transactional ids cannot be read, and with --execute drop them')
    .argument('[ids...]', 'transactional ids; all whose record cannot be read without')
    .option('--dir <folder>', 'the data folder (the first of log.dirs of the broker)')
    .option('--dry-run', 'only say it: the default')
    .addOption(new Option('--execute', 'do it').default(false).conflicts('dryRun'))
    .addHelpText(
      'after',
      `
For an id whose record is damaged: the broker says so when it starts, and refuses its producers with UNKNOWN_SERVER_ERROR.
  1. While the broker runs, end what the id has open: kafka-transactions.sh find-hanging shows it, abort ends it.
  2. Stop the broker and drop the record. Offsets that were sent to the transaction go with it at the next start.
  3. Start the broker. The next producer with the id begins anew, under another producer id.
A record that can be read is never dropped. The exit status is 1 when there is something to drop.

Examples:
  $ millrace transaction drop --dir data
  $ millrace transaction drop payments-7 --dir data --execute`,
    )
    .action(
      action<[readonly string[], Partial<TransactionDropOptions>]>(
        async () => (await import('../transaction-drop.ts')).transactionDrop,
      ),
    )
}
