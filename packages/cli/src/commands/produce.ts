import { Command, Option } from 'commander'
import { collect, durationOption, wholeNumberOption } from '../shared/global-options.ts'
import { action } from '../shared/session.ts'

export interface ProduceOptions {
  readonly key?: string
  readonly keyDelimiter?: string
  readonly delimiter: string
  readonly header: readonly string[]
  readonly partition?: number
  readonly timestamp?: string
  readonly compression: 'none' | 'gzip' | 'snappy' | 'lz4' | 'zstd'
  readonly acks: 'all' | '1' | '0'
  readonly null: boolean
  readonly json: boolean
  readonly keepPartition: boolean
  readonly whole: boolean
  readonly report: boolean
  readonly linger: number
  readonly create: boolean
}

export function produceCommand(): Command {
  return new Command('produce')
    .description('Write records to a topic, from stdin or files, one a line')
    .argument('<topic>', 'where the records go')
    .argument('[files...]', 'read these one after the other; - is stdin, which is the default')
    .option('-k, --key <key>', 'the key of every record')
    .option('-K, --key-delimiter <text>', 'what is before it is the key; records without it have none')
    .option('-D, --delimiter <text>', 'what separates records', '\\n')
    .option('-H, --header <name=value>', 'a header of every record; may be given many times', collect, [])
    .option('-p, --partition <number>', 'write to this partition', wholeNumberOption(0, 0x7fff_ffff))
    .option('-T, --timestamp <time>', 'the time of every record: 2026-11-24T05:00:00Z, 1h (ago), or ms since 1970')
    .addOption(
      new Option('-z, --compression <codec>', 'compress batches')
        .choices(['none', 'gzip', 'snappy', 'lz4', 'zstd'])
        .default('none'),
    )
    .addOption(new Option('-a, --acks <who>', 'who has to have a record').choices(['all', '1', '0']).default('all'))
    .option('-Z, --null', 'empty keys and values are null; a null value deletes its key on compacted topics', false)
    .option('--json', "each line is a record as 'consume --output json' writes it", false)
    .option('--keep-partition', 'with --json: into the partition that the record names', false)
    .option('--whole', 'each file is one record', false)
    .option('--report', 'tell the partition and offset of each record', false)
    .addOption(
      new Option('--linger <time>', 'how long a batch waits for company').argParser(durationOption).default(5, '5ms'),
    )
    .option('--no-create', 'fail when the topic does not exist, even where brokers create topics by themselves')
    .addHelpText(
      'after',
      `
Examples:
  $ echo hello | millrace produce greetings
  $ millrace produce orders -K : < orders.txt        lines such as o-17:three apples
  $ millrace produce logs -z zstd access.log         a file, compressed
  $ millrace consume old -o beginning --exit --output json | millrace produce new --json`,
    )
    .action(action<[string, readonly string[], ProduceOptions]>(async () => (await import('../produce.ts')).produce))
}
