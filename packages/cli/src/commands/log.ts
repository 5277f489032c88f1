import { Command, Option } from 'commander'
import { collect } from '../shared/global-options.ts'
import { action } from '../shared/session.ts'

export interface LogOptions {
  readonly records: boolean
  readonly format?: string
}

export interface LogVerifyOptions {
  readonly dir: readonly string[]
}

export interface LogRepairOptions extends LogVerifyOptions {
  readonly execute: boolean
}

export function logCommand(): Command {
  return dumpCommand().addCommand(verifyCommand()).addCommand(repairCommand())
}

function verifyCommand(): Command {
  return new Command('verify')
    .description('Check every file of a data folder: batches, checksums, offsets, indexes, snapshots, checkpoints')
    .argument('[partitions...]', 'topics, or partitions such as orders-0; all of them without')
    .option('--dir <folder>', 'a data folder (log.dirs of the broker); may be given many times', collect)
    .addHelpText(
      'after',
      `
Changes nothing. A folder that a broker has open can be checked as well: what is being written just then is left out.
The exit status is 1 when something does not fit. 'millrace log repair' says what can be done about it.

Examples:
  $ millrace log verify                              the folder ./millrace-data
  $ millrace log verify --dir disk1 --dir disk2 orders
  $ millrace log verify --dir data orders-0 --output json`,
    )
    .action(action<[readonly string[], LogVerifyOptions]>(async () => (await import('../log-verify.ts')).logVerify))
}

function repairCommand(): Command {
  return new Command('repair')
    .description('Say what can be done about what verify finds, and what is lost by it; with --execute, do it')
    .argument('[partitions...]', 'topics, or partitions such as orders-0; all of them without')
    .option('--dir <folder>', 'a data folder (log.dirs of the broker); may be given many times', collect)
    .option('--dry-run', 'only say it: the default')
    .addOption(new Option('--execute', 'do it').default(false).conflicts('dryRun'))
    .addHelpText(
      'after',
      `
The broker must be stopped. Damage inside a log is skipped: every good record keeps its offset, and an empty batch stands where
records were lost. Damage at the end of a log is cut off. Indexes are made again. Damaged bytes are kept beside the file, with
the ending .damaged, and are yours to remove. The exit status is 1 when there is something to do, or left to do.

Examples:
  $ millrace log repair                       what would be done in ./millrace-data
  $ millrace log repair --dir data orders-0 --execute
  $ millrace log repair --output json`,
    )
    .action(action<[readonly string[], LogRepairOptions]>(async () => (await import('../log-repair.ts')).logRepair))
}

function dumpCommand(): Command {
  return new Command('log')
    .description('Show what is in the files of a data folder, without a broker: batches, records, indexes, checkpoints')
    .argument('<paths...>', 'a data folder, a partition folder, or files in it')
    .option('-r, --records', 'show the records of each batch', false)
    .option('-f, --format <format>', "show records alone, in the format of 'millrace consume -f'")
    .addHelpText(
      'after',
      `
A data folder gives a table of its partitions, a partition folder all of its files. Kafka's own files are read as well as
Millrace's. The exit status is 1 when a checksum does not fit, a batch is cut off, or an index does not rise.

Examples:
  $ millrace log data                                    what is there
  $ millrace log data/orders-0/00000000000000000000.log  its batches
  $ millrace log -f '%o %k %s\\n' data/orders-0/*.log     its records, as consume would print them
  $ millrace log data/orders-0/*.timeindex --output json`,
    )
    .action(action<[readonly string[], LogOptions]>(async () => (await import('../log.ts')).log))
}
