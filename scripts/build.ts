/**
 * Makes `dist/`: the program and the libraries as few files that start fast, and their types.
 *   build.ts          all
 *   build.ts --code   without types, which is what `npm start` needs
 */
import { execFileSync } from 'node:child_process'
import { globSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { rolldown } from 'rolldown'

const root = join(import.meta.dirname, '..')
const dist = join(root, 'dist')
/** Made beside and then put in place, so that a build that fails, or two at once, leave a whole one behind. */
const making = join(root, `dist.${process.pid}`)

/** Loaded from the package's own dependencies, and native ones only if they are there. */
const EXTERNAL = [/^node:/, 'commander', '@node-rs/crc32', 'snappy']

async function buildCode(): Promise<void> {
  const bundle = await rolldown({
    input: {
      main: join(root, 'packages/cli/src/main.ts'),
      'node-thread': join(root, 'packages/cli/src/serve/node-thread.ts'),
      client: join(root, 'packages/client/src/index.ts'),
      broker: join(root, 'packages/broker/src/index.ts'),
      storage: join(root, 'packages/storage/src/index.ts'),
    },
    external: EXTERNAL,
    platform: 'node',
    resolve: { conditionNames: ['source', 'node', 'import'] },
  })
  await bundle.write({
    dir: making,
    format: 'esm',
    chunkFileNames: 'chunks/[name]-[hash].js',
    // A single character beyond Latin-1 doubles what a file's text takes in memory, for as long as the program runs.
    minify: { compress: false, mangle: false, codegen: { removeWhitespace: false, asciiOnly: true } },
    comments: false,
  })
  await bundle.close()
}

/** Types keep the packages' own names for each other; in one published package they are folders. */
function buildTypes(): void {
  execFileSync(
    join(root, 'node_modules/.bin/tsc'),
    ['-p', join(root, 'tsconfig.build.json'), '--outDir', join(making, 'types')],
    { stdio: 'inherit' },
  )
  const types = join(making, 'types')
  for (const path of globSync('**/*.d.ts', { cwd: types })) {
    const file = join(types, path)
    const text = readFileSync(file, 'utf8')
    const toIndex = (name: string): string => {
      const to = relative(dirname(path), join(name, 'src/index.js'))
      return to.startsWith('.') ? to : `./${to}`
    }
    const rewritten = text
      .replaceAll(
        /(['"])@millrace\/([a-z]+)\1/g,
        (_, quote: string, name: string) => `${quote}${toIndex(name)}${quote}`,
      )
      .replaceAll(/(from ['"]\.[^'"]*|import\(['"]\.[^'"]*)\.ts(['"])/g, '$1.js$2')
    writeFileSync(file, rewritten)
  }
}

try {
  await buildCode()
  if (!process.argv.includes('--code')) buildTypes()
  writeFileSync(join(making, '.built'), '')
  rmSync(dist, { recursive: true, force: true })
  renameSync(making, dist)
} finally {
  rmSync(making, { recursive: true, force: true })
}
