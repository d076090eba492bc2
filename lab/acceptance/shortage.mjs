// A machine that runs out of something in the middle of a run: that is an error of the platform, and no broken rule. From
// these steps on the files of VFIO are another user's, which root doesn't mind.

/** All that a user needs who is not root. */
const AS_USER = [
  'chown -R nobody /dev/vfio',
  'sysctl -qw kernel.dmesg_restrict=0',
  'setpriv --reuid nobody --clear-groups',
].join('; ')
const LIMIT = '/sys/module/vfio_iommu_type1/parameters/dma_entry_limit'
const CASES = '--case dma/device-writes-exactly-the-list --case mdl/size-limit'

/** A user who may lock 64 KiB has enough; who may lock 16 KiB, or map 3 times, gets errors and no broken rule. */
export const shortageSteps = (device) => ({
  'entries-3': `( echo 3 > ${LIMIT}; ${runLine(device, 'entries-3')} )`,
  'memlock-64': `( echo 65535 > ${LIMIT}; ${AS_USER} prlimit --memlock=65536:65536 ${runLine(device, 'memlock-64')} )`,
  'memlock-16': `( ${AS_USER} prlimit --memlock=16384:16384 ${runLine(device, 'memlock-16')} )`,
})

/** The record goes by way of the output, because the output folder is root's. */
const runLine = (device, name) =>
  `node dist/cli/main.js run --device ${device} ${CASES} --reporter json=- > $PROBAR_OUT/${name}.json`

/** @param guest as runGuest gives it */
export function judgeShortage(guest, expect) {
  const enough = guest.status('memlock-64')
  expect(enough === 0, `with 64 KiB of locked memory the run ended with ${enough}`)
  expectShortage(guest, 'memlock-16', 'out-of-memory', expect)
  expectShortage(guest, 'entries-3', 'dma-entries-exhausted', expect)
}

function expectShortage(guest, name, code, expect) {
  expect(guest.status(name) === 4, `${name}: the run ended with ${guest.status(name)}, not 4`)
  const cases = guest.json(`${name}.json`)?.cases ?? []
  for (const { id, verdict, reason } of cases) {
    expect(verdict === 'pass' || verdict === 'error', `${name}: ${id} is a ${verdict} (${reason?.text})`)
    if (verdict === 'error') expect(reason.code === code, `${name}: ${id} ended with ${reason.code}, not ${code}`)
  }
  expect(
    cases.some(({ verdict }) => verdict === 'pass'),
    `${name}: no case passed before it ran out`,
  )
}
