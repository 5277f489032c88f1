/**
 * Completion scripts. They are made from the commands themselves and know every word beforehand: a shell that asks a broker at each press of Tab feels
 * broken when the broker is slow.
 */
import type { Command, Option } from 'commander'

interface Words {
  /** `millrace topic`, … */
  readonly path: readonly string[]
  readonly description: string
  readonly commands: readonly Command[]
  readonly options: readonly Option[]
}

export function completionScript(shell: string, root: Command): string {
  const words = wordsOf(root, [])
  if (shell === 'bash') return bash(words)
  return shell === 'zsh' ? zsh(words) : fish(words)
}

function wordsOf(command: Command, path: readonly string[]): Words[] {
  const help = command.createHelp()
  const options = [...help.visibleOptions(command), ...globalOptions(command)]
  const own = { path, description: command.description(), commands: command.commands, options }
  return [own, ...command.commands.flatMap(child => wordsOf(child, [...path, child.name()]))]
}

const globalOptions = (command: Command): readonly Option[] =>
  command.parent === null ? [] : [...command.parent.options, ...globalOptions(command.parent)]

const flagsOf = (options: readonly Option[]): string[] =>
  options.flatMap(({ short, long }) => [short, long].filter(flag => flag !== undefined))

/** Options whose next word is their value. */
const valueFlags = (words: readonly Words[]): string[] => [
  ...new Set(words.flatMap(({ options }) => flagsOf(options.filter(option => option.required)))),
]

function bash(words: readonly Words[]): string {
  const cases = words.map(({ path, commands, options }) => {
    const choices = [...commands.map(command => command.name()), ...flagsOf(options)]
    return `    '${path.join(' ')}') words='${choices.join(' ')}' ;;`
  })
  return `# bash completion for millrace
_millrace() {
  local current=\${COMP_WORDS[COMP_CWORD]} path= words= word skip= i
  for ((i = 1; i < COMP_CWORD; i++)); do
    word=\${COMP_WORDS[i]}
    if [[ -n $skip ]]; then skip=; continue; fi
    case $word in
      ${valueFlags(words).join('|')}) skip=1 ;;
      -*) ;;
      *) case "\${path:+$path }$word" in ${paths(words)}) path="\${path:+$path }$word" ;; esac ;;
    esac
  done
  if [[ -n $skip ]]; then COMPREPLY=($(compgen -f -- "$current")); return; fi
  case $path in
${cases.join('\n')}
  esac
  COMPREPLY=($(compgen -W "$words" -- "$current"))
  [[ \${#COMPREPLY[@]} -gt 0 || $current == -* ]] || COMPREPLY=($(compgen -f -- "$current"))
}
complete -o filenames -F _millrace millrace
`
}

const paths = (words: readonly Words[]): string =>
  words
    .filter(({ path }) => path.length > 0)
    .map(({ path }) => `'${path.join(' ')}'`)
    .join('|')

const quoted = (text: string): string => text.replaceAll("'", "'\\''")

function zsh(words: readonly Words[]): string {
  const cases = words.map(({ path, commands, options }) => {
    const items = [
      ...commands.map(command => `'${quoted(`${command.name()}:${command.description()}`)}'`),
      ...options.flatMap(option => flagsOf([option]).map(flag => `'${quoted(`${flag}:${option.description}`)}'`)),
    ]
    return `    '${path.join(' ')}') items=(${items.join(' ')}) ;;`
  })
  return `#compdef millrace
_millrace() {
  local -a items
  local path_ word skip i
  for ((i = 2; i < CURRENT; i++)); do
    word=\${words[i]}
    if [[ -n $skip ]]; then skip=; continue; fi
    case $word in
      ${valueFlags(words).join('|')}) skip=1 ;;
      -*) ;;
      *) case "\${path_:+$path_ }$word" in ${paths(words)}) path_="\${path_:+$path_ }$word" ;; esac ;;
    esac
  done
  if [[ -n $skip ]]; then _files; return; fi
  case $path_ in
${cases.join('\n')}
  esac
  _describe millrace items || _files
}
if [[ $funcstack[1] == _millrace ]]; then _millrace "$@"; else compdef _millrace millrace; fi
`
}

function fish(words: readonly Words[]): string {
  const lines = words.flatMap(({ path, commands, options }) => {
    const condition = fishCondition(path, commands)
    const own = options.map(({ short, long, description, required }) => {
      const flags = [short && `-s ${short.slice(1)}`, long && `-l ${long.slice(2)}`, required && '-r'].filter(Boolean)
      return `complete -c millrace -n '${condition}' ${flags.join(' ')} -d '${fishQuoted(description)}'`
    })
    const below = commands.map(
      command =>
        `complete -c millrace -f -n '${condition}' -a ${command.name()} -d '${fishQuoted(command.description())}'`,
    )
    return [...below, ...own]
  })
  return `# fish completion for millrace\n${lines.join('\n')}\n`
}

const fishQuoted = (text: string): string => text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")

function fishCondition(path: readonly string[], commands: readonly Command[]): string {
  if (path.length === 0) return '__fish_use_subcommand'
  const seen = path.map(word => `__fish_seen_subcommand_from ${word}`).join('; and ')
  const below = commands.map(command => command.name()).join(' ')
  return below === '' ? seen : `${seen}; and not __fish_seen_subcommand_from ${below}`
}
