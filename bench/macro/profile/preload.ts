/** Loaded by Node into a broker before its program: SIGUSR2 begins a profile, the next one ends it and puts it into the file that MILLRACE_BENCH_PROFILE names. */
import { renameSync, writeFileSync } from 'node:fs'
import { Session } from 'node:inspector'

const SAMPLE_US = 500

const file = process.env.MILLRACE_BENCH_PROFILE!
const session = new Session()
session.connect()
session.post('Profiler.enable')
session.post('Profiler.setSamplingInterval', { interval: SAMPLE_US })

let isOn = false
process.on('SIGUSR2', () => {
  isOn = !isOn
  if (isOn) session.post('Profiler.start', () => writeFileSync(`${file}.begun`, ''))
  else
    session.post('Profiler.stop', (error, result) => {
      writeFileSync(`${file}.part`, JSON.stringify(error ?? result.profile))
      renameSync(`${file}.part`, file)
    })
})
