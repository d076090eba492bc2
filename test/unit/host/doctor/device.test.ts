import { describe, expect, it } from '@jest/globals'
import { deviceFindings } from '../../../../src/host/linux/doctor/checks/device.ts'
import { type DeviceFacts, readDeviceFacts } from '../../../../src/host/linux/doctor/device-facts.ts'
import { type Finding, WITH_IOMMU, weigh } from '../../../../src/host/linux/doctor/finding.ts'
import { SystemFiles } from '../../../../src/host/linux/system-files.ts'
import { FakeMachine, type Tree, block, mounts, pci } from '../machine-use/fake-machine.ts'
import { commands } from './healthy.ts'

const ADDRESS = '0000:03:00.0'
const PLACE = '0000:00:1c.0/0000:03:00.0'
const FOLDER = `/sys/devices/pci0000:00/${PLACE}`
const SOUND = '0000:03:00.1'
const SOUND_FOLDER = '/sys/devices/pci0000:00/0000:00:1c.0/0000:03:00.1'
const USER = { root: false, name: 'ada' }
const ROOT = { root: true, name: 'root' }
const BIND = `npx probar bind ${ADDRESS}`

/** Given out by VFIO through both interfaces, with nothing in the way. */
const READY: Tree = {
  ...pci(PLACE, { number: 7 }),
  ...mounts(['0:2', '/', 'tmpfs', 'tmpfs']),
  [`${FOLDER}/class`]: '0x00ff00\n',
  [`${FOLDER}/config`]: Buffer.alloc(64, 0x11),
  [`${FOLDER}/resource`]: '',
  [`${FOLDER}/driver`]: '=> ../../../bus/pci/drivers/vfio-pci',
  [`${FOLDER}/reset`]: '',
  [`${FOLDER}/reset_method`]: 'flr bus\n',
  [`${FOLDER}/power_state`]: 'D0\n',
  [`${FOLDER}/power/runtime_status`]: 'active\n',
  [`${FOLDER}/vfio-dev/vfio0/dev`]: '249:0\n',
  '/dev/vfio/7': '',
  '/dev/vfio/devices/vfio0': '',
}
const GONE = undefined

function factsOf(changes: Readonly<Record<string, string | Buffer | undefined>> = {}): DeviceFacts {
  const kept = Object.entries(READY).filter(
    ([path]) => !Object.keys(changes).some((one) => path === one || path.startsWith(`${one}/`)),
  )
  const added = Object.entries(changes).filter((entry): entry is [string, string | Buffer] => entry[1] !== undefined)
  using machine = new FakeMachine(Object.fromEntries([...kept, ...added]))
  return readDeviceFacts(new SystemFiles(machine.root), ADDRESS, { root: machine.root })
}

function line(check: string, facts: DeviceFacts, user = USER): Finding {
  const found = deviceFindings(facts, user).find((finding) => finding.check === check)
  if (found === undefined) throw new Error(`there is no line ${check}`)
  return found
}

it('has nothing to say against a device that is ready', () => {
  const { findings } = weigh(deviceFindings(factsOf(), USER), WITH_IOMMU)
  for (const finding of findings) expect(finding).toMatchObject({ state: 'ok', mend: [] })
})

it('says of an absent device how to list what there is', () => {
  using machine = new FakeMachine(READY)
  const files = new SystemFiles(machine.root)
  expect(() => readDeviceFacts(files, '0000:99:00.0', { root: machine.root })).toThrow(
    expect.objectContaining({ code: 'device-absent', message: expect.stringContaining('probar devices') }),
  )
})

describe('a device that the machine lives on', () => {
  const disk = block('pci0000:00/0000:00:1c.0/0000:03:00.0/nvme/nvme0/nvme0n1', '259:0')
  const used = { ...disk, ...mounts(['259:0', '/', 'ext4', '/dev/nvme0n1']), [`${FOLDER}/driver`]: '=> ../nvme' }

  it('is bad, and no command is offered that would take it', () => {
    const facts = factsOf(used)
    expect(line('machine-use', facts)).toMatchObject({ state: 'bad', short: 'in use: root file system' })
    expect(deviceFindings(facts, USER).flatMap(commands)).toEqual([])
  })
})

describe('the function', () => {
  it('is bad when it answers with all ones; the commands look for it again', () => {
    const finding = line('function', factsOf({ [`${FOLDER}/config`]: Buffer.alloc(64, 0xff) }))
    expect(finding).toMatchObject({ state: 'bad', short: 'does not answer' })
    expect(commands(finding)).toHaveLength(2)
  })

  it('of a virtual one has no ids in config space, which is no fault', () => {
    const virtual = { [`${FOLDER}/config`]: Buffer.alloc(64, 0xff), [`${FOLDER}/physfn`]: '=> ../0000:02:00.0' }
    expect(line('function', factsOf(virtual)).state).toBe('ok')
  })

  it('is bad when it is a bridge, which keeps its driver', () => {
    const bridge = factsOf({ [`${FOLDER}/class`]: '0x060400\n', [`${FOLDER}/driver`]: '=> ../pcieport' })
    expect(line('function', bridge)).toMatchObject({ state: 'bad', short: 'a bridge' })
    expect(commands(line('driver', bridge))).toEqual([])
  })
})

describe('the group', () => {
  it('is bad when there is none, or one of noiommu mode', () => {
    expect(line('group', factsOf({ [`${FOLDER}/iommu_group`]: GONE }))).toMatchObject({
      state: 'bad',
      short: 'no IOMMU group',
    })
    expect(line('group', factsOf({ '/dev/vfio/7': GONE, '/dev/vfio/noiommu-7': '' })).state).toBe('bad')
  })

  const shared = (driver: string, classCode: string): Tree => ({
    ...READY,
    ...pci(PLACE, { number: 7, others: [SOUND] }),
    [`/sys/bus/pci/devices/${SOUND}`]: `-> ${SOUND_FOLDER}`,
    [`${SOUND_FOLDER}/class`]: `${classCode}\n`,
    [`${SOUND_FOLDER}/driver`]: `=> ../../bus/pci/drivers/${driver}`,
  })

  it('is bad while another driver has a member, which is named with its driver; the command takes all of it', () => {
    const finding = line('group-viable', factsOf(shared('snd_hda_intel', '0x040300')))
    expect(finding).toMatchObject({ state: 'bad', short: `group not viable: ${SOUND} on snd_hda_intel` })
    expect(commands(finding)).toEqual([BIND])
  })

  it('is a warning then for root, whose run takes the other one too', () => {
    expect(line('group-viable', factsOf(shared('snd_hda_intel', '0x040300')), ROOT)).toMatchObject({
      state: 'warn',
      found: expect.stringContaining(`${SOUND} on snd_hda_intel`),
      mend: [],
    })
  })

  it.each([
    ['vfio-pci', '0x040300'],
    ['pcieport', '0x060400'],
  ])('is viable beside a member on %s', (driver, classCode) => {
    expect(line('group-viable', factsOf(shared(driver, classCode))).state).toBe('ok')
  })

  it('says of a bridge in it that it keeps its driver', () => {
    expect(line('group-viable', factsOf(shared('pcieport', '0x060400'))).found).toContain(`${SOUND} is a bridge`)
  })
})

describe('the driver', () => {
  it.each([
    ['another', '=> ../e1000e', 'bound to e1000e'],
    ['none', GONE, 'no driver'],
  ])('is bad when it is %s, for a user who may not change it', (_, driver, short) => {
    const finding = line('driver', factsOf({ [`${FOLDER}/driver`]: driver }))
    expect(finding).toMatchObject({ state: 'bad', short })
    expect(commands(finding)).toEqual([BIND])
  })

  it.each(['=> ../e1000e', GONE])('is changed by a run of root', (driver) => {
    const finding = line('driver', factsOf({ [`${FOLDER}/driver`]: driver }), ROOT)
    expect(finding).toMatchObject({ state: 'ok', found: expect.stringContaining('a run takes it'), mend: [] })
  })

  it('is never changed of what is not to be taken', () => {
    const bridge = factsOf({ [`${FOLDER}/class`]: '0x060400\n', [`${FOLDER}/driver`]: '=> ../pcieport' })
    expect(line('driver', bridge, ROOT)).toMatchObject({ state: 'bad', mend: [] })
  })
})

describe('who holds it', () => {
  it.each(['/dev/vfio/7', '/dev/vfio/devices/vfio0'])('is the process that has %s open', (node) => {
    const held = factsOf({ '/proc/77/comm': 'qemu-system-x86\n', '/proc/77/fd/5': `=> ${node}` })
    expect(line('holder', held)).toMatchObject({ state: 'bad', short: 'held by qemu-system-x86 (process 77)' })
  })

  it('is told by the lease that it has, with its purpose', () => {
    const holder = { pid: 77, purpose: 'probar run --suite dxgk', startedAt: '2026-01-02T03:04:05Z', bootId: 'b' }
    const leased = {
      '/run/probar/group-7.lease': JSON.stringify(holder),
      '/proc/77/fd/9': '=> /run/probar/group-7.lease',
    }
    expect(line('holder', factsOf(leased))).toMatchObject({
      state: 'bad',
      short: 'held by pid 77 (probar run --suite dxgk) since 2026-01-02T03:04:05Z',
    })
  })

  it('is a warning for a run that waits, if it is a run that will end', () => {
    const open = { '/proc/77/comm': 'qemu\n', '/proc/77/fd/5': '=> /dev/vfio/7' }
    const leased = { ...open, '/run/probar/group-7.lease': '{}', '/proc/77/fd/9': '=> /run/probar/group-7.lease' }
    const states = [leased, open].map(
      (files) => deviceFindings(factsOf(files), USER, true).find(({ check }) => check === 'holder')?.state,
    )
    expect(states).toEqual(['warn', 'bad'])
  })

  it('is nobody when the lease is of the past', () => {
    expect(line('holder', factsOf({ '/run/probar/group-7.lease': '{"pid":77}' })).state).toBe('ok')
  })

  it('is nobody that has the file of another group', () => {
    expect(line('holder', factsOf({ '/proc/77/comm': 'x\n', '/proc/77/fd/5': '=> /dev/vfio/70' })).state).toBe('ok')
  })

  it('is unknown where other processes are not seen', () => {
    expect(line('holder', { ...factsOf(), sawAllProcesses: false }).state).toBe('unknown')
  })
})

describe('the files', () => {
  it('are bad when this user may not open them; the commands give them to this user', () => {
    const facts = factsOf()
    const denied = { path: '/dev/vfio/7', access: 'denied' } as const
    const group = line('group-node', { ...facts, groupNode: denied })
    expect(group).toMatchObject({ state: 'bad', ways: ['vfio'], short: 'no permission: /dev/vfio/7' })
    expect(commands(group)).toEqual(['chown ada /dev/vfio/7'])
    const device = line('device-node', { ...facts, deviceNode: { path: '/dev/vfio/devices/vfio0', access: 'denied' } })
    expect(device).toMatchObject({ state: 'bad', ways: ['iommufd'] })
    expect(commands(device)).toEqual(['chown ada /dev/vfio/devices/vfio0'])
  })

  it('are bad when they are not there', () => {
    expect(line('group-node', factsOf({ '/dev/vfio/7': GONE })).state).toBe('bad')
    expect(line('device-node', factsOf({ '/dev/vfio/devices/vfio0': GONE })).state).toBe('bad')
    expect(line('device-node', factsOf({ [`${FOLDER}/vfio-dev`]: GONE })).state).toBe('bad')
  })
})

describe('a reset', () => {
  it('is told by the ways that the kernel has', () => {
    expect(line('reset', factsOf()).found).toBe('by FLR, or by its bus')
  })

  it('that does not exist is a warning', () => {
    expect(line('reset', factsOf({ [`${FOLDER}/reset`]: GONE, [`${FOLDER}/reset_method`]: GONE })).state).toBe('warn')
  })

  it('is there where an older kernel does not tell how', () => {
    expect(line('reset', factsOf({ [`${FOLDER}/reset_method`]: GONE }))).toMatchObject({ state: 'ok' })
  })
})

describe('the power state', () => {
  const power = (state: string | undefined, status = 'suspended', driver = 'vfio-pci'): Finding =>
    line(
      'power',
      factsOf({
        [`${FOLDER}/power_state`]: state,
        [`${FOLDER}/power/runtime_status`]: status,
        [`${FOLDER}/driver`]: `=> ../${driver}`,
      }),
    )

  it.each([
    ['D3hot', 'suspended', 'vfio-pci', 'ok'],
    ['D3cold', 'suspended', 'e1000e', 'warn'],
    ['D0', 'error', 'vfio-pci', 'bad'],
    ['unknown', 'suspended', 'vfio-pci', 'unknown'],
    [undefined, 'suspended', 'vfio-pci', 'unknown'],
  ] as const)('%p, %s, with %s is %s', (state, status, driver, expected) => {
    expect(power(state, status, driver).state).toBe(expected)
  })
})

it('warns of the card that firmware wrote to', () => {
  expect(line('screen', factsOf({ [`${FOLDER}/boot_vga`]: '1\n' })).state).toBe('warn')
  expect(deviceFindings(factsOf({ [`${FOLDER}/boot_vga`]: '0\n' }), USER).map(({ check }) => check)).not.toContain(
    'screen',
  )
})
