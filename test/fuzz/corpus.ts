/** Inputs that once broke something, one a file, replayed by a test ever after. */
import { createHash } from 'node:crypto'
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { DecoderInput } from './decoders.ts'

export type Found = DecoderInput | { readonly target: 'broker'; readonly bytes: Buffer }

const folder = fileURLToPath(new URL('corpus', import.meta.url))

export function readCorpus(): { name: string; input: Found }[] {
  return readdirSync(folder)
    .filter(name => name.endsWith('.json'))
    .map(name => {
      const { hex, ...rest } = JSON.parse(readFileSync(join(folder, name), 'utf8')) as { hex: string }
      return { name, input: { ...rest, bytes: Buffer.from(hex, 'hex') } as unknown as Found }
    })
}

/** Answers the file's name. The symptom is for people: a replay only asks that nothing goes wrong. */
export function keep(input: Found, symptom: string): string {
  const { bytes, ...rest } = input
  const hash = createHash('sha256').update(input.target).update(bytes).digest('hex').slice(0, 12)
  const name = `${input.target}-${hash}.json`
  mkdirSync(folder, { recursive: true })
  writeFileSync(
    join(folder, name),
    `${JSON.stringify({ ...rest, symptom: symptom.slice(0, 300), hex: bytes.toString('hex') }, null, 2)}\n`,
  )
  return name
}
