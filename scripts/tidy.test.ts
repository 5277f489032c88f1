import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import { tidy } from './tidy.ts'

test('the source keeps its layers, sizes and names', () => {
  assert.deepEqual(tidy(join(import.meta.dirname, '..')), [])
})

test('each rule is one that can be broken', () => {
  const root = mkdtempSync(join(tmpdir(), 'tidy-'))
  const broken: Readonly<Record<string, string>> = {
    'packages/protocol/src/upward.ts': "import { startBroker } from '@millrace/broker'\n",
    'packages/coordinator/src/clock.ts': 'export const now = (): number => Date.now()\n',
    'packages/coordinator/src/file.ts': "import { readFileSync } from 'node:fs'\n",
    'packages/base/src/utils.ts': 'export const x = 1\n',
    'packages/base/src/CamelCase.ts': 'export const x = 1\n',
    'packages/base/src/long.ts': 'export const x = 1\n'.repeat(600),
    'packages/base/src/later.ts': '// TODO\n',
    'packages/base/src/reach.ts': "import { y } from '../../broker/src/broker.ts'\n",
    'packages/base/src/one.ts': "import { two } from './two.ts'\nexport const one = two\n",
    'packages/base/src/two.ts': "import { one } from './one.ts'\nexport const two = one\n",
  }
  for (const [path, text] of Object.entries(broken)) {
    mkdirSync(dirname(join(root, path)), { recursive: true })
    writeFileSync(join(root, path), text)
  }
  const problems = tidy(root).join('\n')
  rmSync(root, { recursive: true })
  for (const path of Object.keys(broken)) assert.match(problems, new RegExp(path.replaceAll('.', '\\.')), path)
})
