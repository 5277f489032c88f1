// Runs a scenario and says in one line how it went.
let failures = 0

export const failureCount = (): number => failures

export async function report(name: string, run: () => Promise<void>): Promise<void> {
  try {
    await run()
    console.log(`ok ${name}`)
  } catch (error) {
    failures++
    console.log(`not ok ${name}: ${(error as Error).message.replaceAll('\n', ' | ')}`)
  }
}
