import { Argument, Command } from 'commander'
import { action } from '../shared/session.ts'

export function completionCommand(): Command {
  const command = new Command('completion')
    .description('Print a script that completes commands and options in your shell')
    .addArgument(new Argument('<shell>', 'which shell').choices(['bash', 'zsh', 'fish']))
    .addHelpText(
      'after',
      `
Examples:
  $ source <(millrace completion bash)                                      in .bashrc
  $ millrace completion zsh > "\${fpath[1]}/_millrace"                       once
  $ millrace completion fish > ~/.config/fish/completions/millrace.fish     once`,
    )
  return command.action(
    action<[string]>(async () => {
      const { completionScript } = await import('../completion.ts')
      return async ({ out }, shell) => {
        out.print(completionScript(shell, rootOf(command)))
      }
    }),
  )
}

function rootOf(command: Command): Command {
  return command.parent === null ? command : rootOf(command.parent)
}
