/** The command line. Each command is loaded only when it is the one that runs, so that `serve` starts fast. */
import { Command } from 'commander'
import { serveCommand } from './commands/serve.ts'

const program = new Command('millrace')
  .description('An event streaming platform that speaks the Kafka protocol')
  .showHelpAfterError('(add --help for what there is)')
program.addCommand(serveCommand())

await program.parseAsync()
