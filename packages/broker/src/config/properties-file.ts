// Java's .properties syntax, as far as a server.properties can use it: comments (# and !), `=`, `:` or blanks between
// name and value, continuation lines, and the escapes \t \n \r \f \uXXXX. Every entry keeps the line it starts on.

export interface Property {
  readonly name: string
  readonly value: string
  /** 1 for the first line of the file. */
  readonly line: number
}

export function parseProperties(text: string): readonly Property[] {
  const properties: Property[] = []
  const lines = text.split(/\r\n|\r|\n/)
  for (let at = 0; at < lines.length; at++) {
    const line = at + 1
    let logical = trimStart(lines[at]!)
    if (logical === '' || logical.startsWith('#') || logical.startsWith('!')) continue
    while (isContinued(logical) && at + 1 < lines.length) logical = logical.slice(0, -1) + trimStart(lines[++at]!)
    if (isContinued(logical)) logical = logical.slice(0, -1)
    properties.push({ ...split(logical), line })
  }
  return properties
}

const trimStart = (line: string): string => line.replace(/^[ \t\f]+/, '')

/** An odd number of backslashes at the end: the last one is not itself escaped. */
const isContinued = (line: string): boolean => /\\*$/.exec(line)![0].length % 2 === 1

function split(logical: string): { name: string; value: string } {
  const name = /^(?:\\.|[^\\=: \t\f])*/.exec(logical)![0]
  const value = logical.slice(name.length).replace(/^[ \t\f]*[=:]?[ \t\f]*/, '')
  return { name: unescaped(name), value: unescaped(value) }
}

const controls: Readonly<Record<string, string>> = { t: '\t', n: '\n', r: '\r', f: '\f' }

const unescaped = (text: string): string =>
  text.replace(/\\(?:u([0-9a-fA-F]{4})|(.))/g, (_, hex: string | undefined, char: string) =>
    hex === undefined ? (controls[char] ?? char) : String.fromCharCode(Number.parseInt(hex, 16)),
  )
