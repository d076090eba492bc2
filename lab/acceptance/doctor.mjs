// What probar doctor and run say of the bench: a healthy guest is ready, the device that carries the guest's own
// root is refused, and a guest without an IOMMU is not ready. Runs in the guest; the status is the number of things that were wrong.
// Its one argument: the back ends by which edu must be ready, or `none` for a guest without an IOMMU.
import { spawnSync } from 'node:child_process'
import { readFileSync, readdirSync, readlinkSync, realpathSync } from 'node:fs'
import { join } from 'node:path'

const DEVICE = '0000:01:00.0'

process.exitCode = judge(process.argv[2])

/** The number of things that were not as they must be. */
function judge(backends) {
  const wrong = []
  const expect = (holds, otherwise) => void (holds || wrong.push(otherwise))
  if (backends === 'none') notReady(expect)
  else {
    ready(backends.split(','), expect)
    protectedRoot(expect)
  }
  for (const line of wrong) process.stderr.write(`doctor: ${line}\n`)
  return wrong.length
}

function ready(backends, expect) {
  const { status, told, stderr } = doctor(DEVICE)
  expect(status === 0, `doctor ended with ${status} for a healthy guest: ${stderr}`)
  expect(String(told.backends) === String(backends), `doctor found ${told.backends} usable, not ${backends}`)
  const lines = [...told.machine, ...told.device]
  const bad = lines.filter(({ state }) => state === 'bad').map(({ check }) => check)
  expect(bad.length === 0, `bad in a healthy guest: ${bad.join(', ')}`)
  const ok = lines.filter(({ state }) => state === 'ok').map(({ check }) => check)
  for (const check of ['iommu', 'interrupt-remapping', 'vfio', 'group', 'driver', 'reset', 'machine-use']) {
    expect(ok.includes(check), `${check} is not ok in a healthy guest`)
  }
}

function protectedRoot(expect) {
  const address = rootShare()
  const { status, told } = doctor(address)
  expect(status === 3, `doctor ended with ${status} for the device of the root file system`)
  const use = told.device.find(({ check }) => check === 'machine-use')
  expect(use?.state === 'bad', `doctor calls the device of the root file system ${use?.state}`)
  expect(
    told.device.every(({ mend }) => mend.length === 0),
    'doctor has commands to take the device of the root file system',
  )
  const before = driverOf(address)
  const run = probar('run', '--device', address)
  expect(run.status === 3, `run ended with ${run.status} for the device of the root file system`)
  expect(run.stderr.startsWith('error device-protected'), `run said: ${run.stderr}`)
  expect(driverOf(address) === before, `${address} lost its driver`)
}

function notReady(expect) {
  const { status, told } = doctor(DEVICE)
  expect(status === 3, `doctor ended with ${status} without an IOMMU`)
  const iommu = told.machine.find(({ check }) => check === 'iommu')
  expect(iommu?.state === 'bad', `doctor calls the IOMMU ${iommu?.state} where there is none`)
}

/** The function by which the guest has its root: the folder that the host shares under this tag. */
function rootShare() {
  const folder = '/sys/bus/virtio/drivers/9pnet_virtio'
  const name = readdirSync(folder).find(
    (one) => one.startsWith('virtio') && readFileSync(join(folder, one, 'mount_tag'), 'latin1').startsWith('root'),
  )
  return realpathSync(join(folder, name)).split('/').at(-2)
}

function driverOf(address) {
  return readlinkSync(`/sys/bus/pci/devices/${address}/driver`)
}

function doctor(device) {
  const { stdout, ...ended } = probar('doctor', '--device', device, '--json')
  return { ...ended, told: JSON.parse(stdout) }
}

function probar(...words) {
  return spawnSync('npx', ['probar', ...words], { encoding: 'utf8' })
}
