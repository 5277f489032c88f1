/**
 * Rules about the source itself: layers, what a package may touch, sizes, names, cycles. Run by `npm run check` and as a test, because a rule that nobody
 * runs is a wish.
 */
import { globSync, readFileSync } from 'node:fs'
import { basename, dirname, join, normalize } from 'node:path'

/** Package → packages it may import. THE layering of the project; a change here needs a decision record. */
const layers: Readonly<Record<string, readonly string[]>> = {
  base: [],
  protocol: ['base'],
  coordinator: ['base', 'protocol'],
  storage: ['base', 'protocol'],
  broker: ['base', 'protocol', 'coordinator', 'storage'],
  client: ['base', 'protocol'],
  cli: ['base', 'protocol', 'coordinator', 'storage', 'broker', 'client'],
  testkit: ['base', 'protocol', 'coordinator', 'storage', 'broker', 'client'],
}

/** Module → the places that may import it. A package that is not named may not import the module at all. */
const mayTouch: readonly (readonly [module: RegExp, places: readonly string[]])[] = [
  [/^node:(crypto|tty)$/, ['base/src/', 'storage/src/catalog/', 'storage/src/disk/', 'client/src/', 'cli/src/']],
  [/^node:zlib$/, ['protocol/src/records/']],
  [/^node:module$/, ['protocol/src/records/native.ts']],
  [/^node:vm$/, ['broker/src/runtime/transactions/id-pattern.ts']],
  [
    /^node:fs(\/promises)?$/,
    [
      'base/src/logger.ts',
      'storage/src/disk/',
      'storage/src/catalog/',
      'broker/src/config/',
      'broker/src/metrics/',
      'cli/src/',
    ],
  ],
  [/^node:path$/, ['storage/src/', 'broker/src/', 'cli/src/']],
  [/^node:sqlite$/, ['storage/src/catalog/']],
  [/^node:(net|tls)$/, ['broker/src/server/', 'broker/src/config/', 'client/src/network/', 'storage/src/disk/']],
  [/^node:http$/, ['broker/src/server/']],
  [/^node:(os|perf_hooks|v8)$/, ['broker/src/', 'storage/src/disk/', 'cli/src/']],
  [/^node:/, ['cli/src/', 'client/src/', 'storage/src/disk/']],
]

const impure =
  /\b(Date\.now|new Date\(\)|Math\.random|setTimeout|setInterval|setImmediate|queueMicrotask|process\.|performance\.)/
const vague = /^(utils?|helpers?|common|misc|types)$/
const LINES_MAX = 500

interface SourceFile {
  readonly path: string
  readonly owner: string
  readonly text: string
  readonly isTest: boolean
}

/** One line for each rule that is broken. */
export function tidy(root: string): string[] {
  const files = globSync('packages/*/src/**/*.ts', { cwd: root }).map((path): SourceFile => {
    const text = readFileSync(join(root, path), 'utf8')
    const isTest = /\.(test|test-d|sim)\.ts$|conformance\.ts$|fixture|\/sample-|planted-bugs|simulat|invariants/.test(
      path,
    )
    return { path, owner: path.split('/')[1]!, text, isTest }
  })
  const problems = files.flatMap(file => [...nameProblems(file), ...importProblems(file), ...textProblems(file)])
  return [...problems, ...cycles(files)]
}

function nameProblems({ path }: SourceFile): string[] {
  const name = basename(path).replace(/(\.(test|test-d|sim))?\.ts$/, '')
  if (!/^[a-z0-9]+(-[a-z0-9]+)*$/.test(name)) return [`${path}: file names are kebab-case`]
  return vague.test(name) ? [`${path}: a file is named for the one thing it holds, not ${name}`] : []
}

function importsOf(text: string, valuesOnly = false): string[] {
  const found = text.matchAll(
    /^(?:import|export)\b(\s+type\b)?[^'"]*?from\s*['"]([^'"]+)['"]|^import\s*['"]([^'"]+)['"]/gm,
  )
  return [...found].filter(m => !(valuesOnly && m[1] !== undefined)).map(m => (m[2] ?? m[3])!)
}

function importProblems({ path, owner, text, isTest }: SourceFile): string[] {
  return importsOf(text).flatMap(specifier => {
    const target = specifier.match(/^@millrace\/([^/]+)/)?.[1]
    if (target !== undefined) {
      if (target === owner) return [`${path}: a package imports itself by its name`]
      return isTest || layers[owner]?.includes(target) ? [] : [`${path}: ${owner} may not import ${target}`]
    }
    if (specifier.startsWith('.')) {
      if (!specifier.endsWith('.ts') && !specifier.endsWith('.json')) return [`${path}: ${specifier} lacks its ending`]
      const outside = !normalize(join(dirname(path), specifier)).startsWith(`packages/${owner}/`)
      return outside ? [`${path}: ${specifier} reaches into another package`] : []
    }
    if (!specifier.startsWith('node:') || isTest || owner === 'testkit') return []
    const allowed = mayTouch.some(
      ([module, places]) => module.test(specifier) && places.some(p => path.startsWith(`packages/${p}`)),
    )
    return allowed ? [] : [`${path}: may not touch ${specifier}`]
  })
}

function textProblems({ path, owner, text, isTest }: SourceFile): string[] {
  const problems: string[] = []
  const lines = text.split('\n').length
  if (lines > LINES_MAX && !isTest) problems.push(`${path}: ${lines} lines, at most ${LINES_MAX}`)
  if (/\b(TODO|FIXME|XXX)\b/.test(text)) problems.push(`${path}: build it or leave it out, but no TODO`)
  const impurity = owner === 'coordinator' && !isTest ? impure.exec(withoutComments(text)) : null
  if (impurity !== null) problems.push(`${path}: coordinator is pure, and uses ${impurity[0]}`)
  return problems
}

const withoutComments = (text: string): string => text.replaceAll(/\/\*[\s\S]*?\*\/|\/\/.*$/gm, '')

/** Files that need each other's values to load: whoever comes first finds the other half made. */
function cycles(files: readonly SourceFile[]): string[] {
  const edges = new Map(
    files.map(({ path, text }) => [
      path,
      importsOf(text, true)
        .filter(s => s.startsWith('.'))
        .map(s => normalize(join(dirname(path), s))),
    ]),
  )
  const done = new Set<string>()
  const found: string[] = []
  const visit = (path: string, trail: readonly string[]): void => {
    if (trail.includes(path)) found.push(`import cycle: ${[...trail.slice(trail.indexOf(path)), path].join(' → ')}`)
    if (done.has(path) || trail.includes(path)) return
    for (const next of edges.get(path) ?? []) visit(next, [...trail, path])
    done.add(path)
  }
  for (const path of edges.keys()) visit(path, [])
  return found
}

if (import.meta.main) {
  const problems = tidy(join(import.meta.dirname, '..'))
  for (const problem of problems) console.error(problem)
  process.exitCode = problems.length === 0 ? 0 : 1
}
