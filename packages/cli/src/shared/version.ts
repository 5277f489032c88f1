/** The version of the package that this program is part of, whether it runs from source or bundled. */
import { readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'

export function packageVersion(): string {
  for (let folder = import.meta.dirname; ; folder = dirname(folder)) {
    const found = versionIn(folder)
    if (found !== undefined) return found
    if (dirname(folder) === folder) return 'unknown'
  }
}

function versionIn(folder: string): string | undefined {
  try {
    const { name, version } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'))
    return name === 'millrace' ? String(version) : undefined
  } catch {
    return undefined
  }
}
