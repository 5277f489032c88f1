import { Command } from 'commander'
import { action } from '../shared/session.ts'

export interface OffsetsOptions {
  readonly at?: string
  readonly partition?: string
}

export function offsetsCommand(): Command {
  return new Command('offsets')
    .description('Show where partitions begin and end, and which offset a time has')
    .argument('<topics...>', 'topics; a word that begins with ^ is a pattern')
    .option('--at <position>', 'the offset at a time or place too: @1h, @2026-11-24T05:00:00Z, -10')
    .option('-p, --partition <numbers>', 'these partitions only: 0, or 0,2, or 0-3')
    .addHelpText(
      'after',
      "\nExamples:\n  $ millrace offsets orders\n  $ millrace offsets orders --at @24h\n  $ millrace offsets '^logs-' --output json",
    )
    .action(action<[readonly string[], OffsetsOptions]>(async () => (await import('../offsets.ts')).offsets))
}
