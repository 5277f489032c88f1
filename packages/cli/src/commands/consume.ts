import { Command, Option } from 'commander'
import { wholeNumberOption } from '../shared/global-options.ts'
import { action } from '../shared/session.ts'

export interface ConsumeOptions {
  readonly offset?: string
  readonly until?: string
  readonly partition?: string
  readonly count?: number
  readonly exit: boolean
  readonly group?: string
  readonly commit: boolean
  readonly format?: string
  readonly keyDelimiter?: string
  readonly delimiter: string
  readonly json: boolean
  readonly isolation: 'read_committed' | 'read_uncommitted'
}

export function consumeCommand(): Command {
  return new Command('consume')
    .description('Read records from topics to stdout')
    .argument('<topics...>', 'topics; a word that begins with ^ is a pattern')
    .option('-o, --offset <position>', 'where to begin; see below (default: beginning, or where the group stands)')
    .option('--until <position>', 'where to stop in each partition: an offset, end, @time')
    .option('-p, --partition <numbers>', 'these partitions only: 0, or 0,2, or 0-3')
    .option('-c, --count <number>', 'stop after so many records', wholeNumberOption(1))
    .option('-e, --exit', 'stop at the end of what is there now', false)
    .option('-G, --group <name>', 'read as a member of a group, and commit what was written out')
    .option('--no-commit', 'with a group: commit nothing')
    .option('-f, --format <format>', 'how a record is written; see below')
    .option('-K, --key-delimiter <text>', 'write the key and this before each value')
    .option('-D, --delimiter <text>', 'what is written after each record', '\\n')
    .option('-J, --json', "each record as a line of JSON, as does --output json; 'produce --json' reads it", false)
    .addOption(
      new Option('--isolation <level>', 'read_committed leaves out records of open and aborted transactions')
        .choices(['read_committed', 'read_uncommitted'])
        .default('read_uncommitted'),
    )
    .addHelpText(
      'after',
      `
Positions:
  beginning, end    42 (that offset)    -10 (before the end)    +10 (after the beginning)
  @1h30m (ago)      @2026-11-24T05:00:00Z      @1795500000000 (ms since 1970)

Formats, as in kcat:
  %t topic   %p partition   %o offset   %T time in ms   %d time as ISO 8601   %k key     %K its length   %s value
  %S its length, -1 for null   %R that as 4 bytes   %h headers   %h{name} one header   %s{hex} %s{base64} %s{json}
  \\n \\r \\t \\x41 %%

Examples:
  $ millrace consume orders                                  from the beginning, and on
  $ millrace consume orders -o -10 --exit                    the last ten of each partition
  $ millrace consume orders -o @1h -f '%d %p/%o %k: %s\\n'
  $ millrace consume '^logs-.*' -G archive --json >> logs.json`,
    )
    .action(action<[readonly string[], ConsumeOptions]>(async () => (await import('../consume.ts')).consume))
}
