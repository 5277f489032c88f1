/** The command line. Each command is loaded only when it is the one that runs, so that `serve` starts fast. */
import { Command, CommanderError, type Option } from 'commander'
import { clusterCommand } from './commands/cluster.ts'
import { completionCommand } from './commands/completion.ts'
import { configCommand } from './commands/config.ts'
import { consumeCommand } from './commands/consume.ts'
import { groupCommand } from './commands/group.ts'
import { importCommand } from './commands/import.ts'
import { logCommand } from './commands/log.ts'
import { offsetsCommand } from './commands/offsets.ts'
import { produceCommand } from './commands/produce.ts'
import { serveCommand } from './commands/serve.ts'
import { topicCommand } from './commands/topic.ts'
import { transactionCommand } from './commands/transaction.ts'
import { versionCommand } from './commands/version.ts'
import { addGlobalOptions } from './shared/global-options.ts'
import { packageVersion } from './shared/version.ts'

const USAGE = 2

function programOf(): Command {
  const program = new Command('millrace')
    .description('An event streaming platform that speaks the Kafka protocol')
    .addHelpText(
      'after',
      `
Examples:
  $ millrace serve                                   run a broker on localhost:9092
  $ echo hello | millrace produce greetings          write a record
  $ millrace consume greetings -o beginning --exit   read it back

Exit status: 0 done, 1 failed, 2 wrong usage, 130 interrupted.`,
    )
  addGlobalOptions(program)
  program
    .version(packageVersion(), '-V, --version', 'show the version')
    .helpCommand('help [command]', 'show this, or the help of a command')
  for (const command of commands()) program.addCommand(command)
  configure(program)
  return program
}

const commands = (): readonly Command[] => [
  serveCommand(),
  topicCommand(),
  produceCommand(),
  consumeCommand(),
  groupCommand(),
  configCommand(),
  clusterCommand(),
  offsetsCommand(),
  logCommand(),
  transactionCommand(),
  importCommand(),
  completionCommand(),
  versionCommand(),
]

/** Settings that commander does not hand down to commands that were made apart. */
function configure(command: Command): void {
  command
    .exitOverride()
    .showHelpAfterError('hint: add --help for what there is')
    .configureHelp({ showGlobalOptions: true, optionDescription })
    .helpOption('-h, --help', 'show this')
  if (command.parent !== null) command.helpCommand(false)
  for (const child of command.commands) configure(child)
}

/** As commander's own, but silent about defaults that say nothing: false, and empty lists. */
function optionDescription({ description, argChoices, defaultValue, defaultValueDescription, envVar }: Option): string {
  const hasDefault = defaultValue !== undefined && typeof defaultValue !== 'boolean' && !Array.isArray(defaultValue)
  const notes = [
    argChoices === undefined ? '' : argChoices.join(', '),
    hasDefault ? `default: ${defaultValueDescription ?? defaultValue}` : '',
    envVar === undefined ? '' : `or ${envVar}`,
  ].filter(note => note !== '')
  return notes.length === 0 ? description : `${description} (${notes.join('; ')})`
}

// A reader that has gone (`| head`) is no failure.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') return
  process.stderr.write(`error: the output cannot be written: ${error.message}\n`)
  process.exit(1)
})
// What is said about the work is not the work, and there is nowhere left to complain.
process.stderr.on('error', () => {})

try {
  await programOf().parseAsync()
} catch (error) {
  if (!(error instanceof CommanderError)) throw error
  // Help that nobody asked for is an answer to a command that was not named.
  const wasAsked = error.exitCode === 0
  process.exitCode = wasAsked ? 0 : USAGE
}
