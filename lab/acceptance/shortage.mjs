// A machine that runs out of something in the middle of a run: that is an error of the platform, and no broken rule. From
// these steps on the files of VFIO are another user's, which root doesn't mind.
import { EDU_SKIPS } from './runs.mjs'

/** All that a user needs who is not root. */
const AS_USER = [
  'chown -R nobody /dev/vfio',
  'sysctl -qw kernel.dmesg_restrict=0',
  'setpriv --reuid nobody --clear-groups',
].join('; ')
const LIMIT = '/sys/module/vfio_iommu_type1/parameters/dma_entry_limit'
/** One that maps three pages beside that of the engine, and one that maps nothing. */
const CASES = '--case dma/device-writes-exactly-the-list --case mdl/size-limit'

/** The one case that needs more than 64 KiB: a common buffer of a large page. */
const LARGE = 'dma/common-buffer-of-large-pages'

/**
 * A user who may lock 8 MiB, the usual default, has enough for all cases, and with 64 KiB for all but one; who may lock 8 KiB
 * gets errors and no broken rule. Of three mappings the kernel refuses the fourth, of two the adapter grants no more than that.
 */
export const shortageSteps = (device) => ({
  'entries-2': `( echo 2 > ${LIMIT}; ${runLine(device, 'entries-2', CASES)} )`,
  'entries-3': `( echo 3 > ${LIMIT}; ${runLine(device, 'entries-3', CASES)} )`,
  'memlock-64': `( echo 65535 > ${LIMIT}; ${AS_USER} prlimit --memlock=65536:65536 ${runLine(device, 'memlock-64', '')} )`,
  'memlock-8192': `( ${AS_USER} prlimit --memlock=8388608:8388608 ${runLine(device, 'memlock-8192', '--suite dma')} )`,
  'memlock-8': `( ${AS_USER} prlimit --memlock=8192:8192 ${runLine(device, 'memlock-8', CASES)} )`,
})

/** The record goes by way of the output, because the output folder is root's. */
const runLine = (device, name, words) =>
  `node dist/cli/main.js run --device ${device} ${words} --reporter json=- > $PROBAR_OUT/${name}.json`

/** @param guest as runGuest gives it */
export function judgeShortage(guest, expect) {
  const enough = guest.status('memlock-8192')
  expect(enough === 0, `with 8 MiB of locked memory the run ended with ${enough}`)
  const little = guest.json('memlock-64.json')?.cases ?? []
  const asked = little.filter(({ reason }) => !EDU_SKIPS.includes(reason?.code))
  const short = asked.filter(({ verdict }) => verdict !== 'pass').map(({ id, reason }) => `${id} ${reason.code}`)
  expect(
    guest.status('memlock-64') === 4,
    `with 64 KiB of locked memory the run ended with ${guest.status('memlock-64')}`,
  )
  expect(short.join() === `${LARGE} out-of-memory`, `with 64 KiB of locked memory fell short: ${short.join()}`)
  expectShortage(guest, 'memlock-8', 'out-of-memory', expect)
  expectShortage(guest, 'entries-2', 'dma-entries-exhausted', expect)
  expectShortage(guest, 'entries-3', 'dma-entries-exhausted', expect)
}

function expectShortage(guest, name, code, expect) {
  expect(guest.status(name) === 4, `${name}: the run ended with ${guest.status(name)}, not 4`)
  const cases = guest.json(`${name}.json`)?.cases ?? []
  const told = cases.map(({ verdict, reason }) => (verdict === 'error' ? reason.code : verdict))
  const once = (outcome) => told.filter((one) => one === outcome).length === 1
  expect(told.length === 2 && once('pass') && once(code), `${name}: the cases ended with ${told}, not ${code} and pass`)
}
