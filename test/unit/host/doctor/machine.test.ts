import { describe, expect, it } from '@jest/globals'
import { machineFindings } from '../../../../src/host/linux/doctor/checks/machine.ts'
import { NEED, commands, factsOf, limits, line } from './healthy.ts'

const GONE = undefined

it('has nothing to say against a healthy machine', () => {
  for (const finding of machineFindings(factsOf(), NEED)) expect(finding).toMatchObject({ state: 'ok', mend: [] })
})

it('says of every line why it matters, and of each one once', () => {
  const findings = machineFindings(factsOf(), NEED)
  for (const { why, found } of findings) expect([why, found]).not.toContain('')
  expect(new Set(findings.map(({ check }) => check)).size).toBe(findings.length)
})

describe('the kernel', () => {
  it.each([
    ['6.1.0-18-amd64', 'ok'],
    ['5.19.2', 'warn'],
    ['7.0', 'ok'],
    ['', 'unknown'],
  ])('of release %p is %s', (release, state) => {
    expect(line('kernel', factsOf({ '/proc/sys/kernel/osrelease': release })).state).toBe(state)
  })
})

it('the addon is bad when it was not built, and the command builds it', () => {
  const finding = line('addon', factsOf(), 'probar.node is not there')
  expect(finding).toMatchObject({ state: 'bad', found: 'probar.node is not there' })
  expect(finding.mend).toEqual([{ command: 'node native/install.mjs --required', asRoot: false }])
})

describe('the IOMMU', () => {
  const off = { '/sys/kernel/iommu_groups': GONE, '/sys/class/iommu': GONE }

  it('is told with its units and groups', () => {
    expect(line('iommu', factsOf()).found).toBe('on (dmar0), 2 groups')
  })

  it('is bad when it is in firmware only; the commands switch it on for the next boot', () => {
    const finding = line('iommu', factsOf({ ...off, '/proc/cmdline': 'quiet' }))
    expect(finding).toMatchObject({ state: 'bad', found: expect.stringContaining('table DMAR') })
    expect(commands(finding)).toEqual([expect.stringMatching(/^sed .*intel_iommu=on/), 'update-grub', 'reboot'])
  })

  it("is switched on by AMD's word on an AMD processor", () => {
    const amd = { '/proc/cpuinfo': 'vendor_id : AuthenticAMD', '/sys/firmware/acpi/tables/IVRS': '' }
    expect(line('iommu', factsOf({ ...off, ...amd, '/proc/cmdline': '' })).mend[0]?.command).toContain('amd_iommu=on')
  })

  it('is bad when the command line turns it off; the command takes that word out', () => {
    const finding = line('iommu', factsOf({ ...off, '/proc/cmdline': 'quiet intel_iommu=off' }))
    expect(finding).toMatchObject({ state: 'bad', found: expect.stringContaining("'intel_iommu=off'") })
    expect(commands(finding)[0]).toBe("sed -i 's/ *intel_iommu=off//' /etc/default/grub")
  })

  it('is bad when firmware tells of none; then firmware is the place to go', () => {
    const none = { ...off, '/proc/cmdline': '', '/sys/firmware/acpi/tables': GONE }
    const finding = line('iommu', factsOf(none))
    expect(finding).toMatchObject({ state: 'bad', found: expect.stringMatching(/^none: .*VT-d/) })
    expect(commands(finding)).toEqual(['systemctl reboot --firmware-setup'])
    expect(commands(line('iommu', factsOf({ ...none, '/sys/firmware/efi': GONE })))).toEqual([])
  })

  it('is not there when all groups are made by noiommu mode', () => {
    const made = { ...off, '/sys/kernel/iommu_groups/0/name': 'vfio-noiommu\n' }
    expect(line('iommu', factsOf(made)).state).toBe('bad')
  })
})

describe('interrupt remapping', () => {
  const direct = { '/proc/interrupts': ' 24:   5   PCI-MSIX-0000:00:01.0   0-edge   virtio0\n' }

  it('is bad when interrupts are not remapped; the commands allow it for each interface', () => {
    const finding = line('interrupt-remapping', factsOf(direct))
    expect(finding.state).toBe('bad')
    expect(commands(finding)).toEqual([
      'echo Y > /sys/module/vfio_iommu_type1/parameters/allow_unsafe_interrupts',
      'echo Y > /sys/module/iommufd/parameters/allow_unsafe_interrupts',
    ])
  })

  it('is a warning when that was allowed', () => {
    const allowed = { '/sys/module/vfio_iommu_type1/parameters/allow_unsafe_interrupts': 'Y\n' }
    expect(line('interrupt-remapping', factsOf({ ...direct, ...allowed })).state).toBe('warn')
  })

  it.each([
    ['on a machine without an IOMMU', { ...direct, '/sys/kernel/iommu_groups': GONE }],
    ['on another processor', { '/proc/interrupts': ' 24:   5   GICv3   27 Level   arch_timer\n' }],
    ['without the file', { '/proc/interrupts': GONE }],
  ])('is unknown %s', (_, changes) => {
    expect(line('interrupt-remapping', factsOf(changes)).state).toBe('unknown')
  })
})

describe('the modules of VFIO', () => {
  const unloaded = { '/sys/module/vfio_pci': GONE, '/sys/module/vfio_iommu_type1': GONE }
  const dep = '/lib/modules/6.12.9/modules.dep'
  const builtIn = '/lib/modules/6.12.9/modules.builtin'
  const PATHS = ['kernel/drivers/vfio/pci/vfio-pci.ko.xz', 'kernel/drivers/vfio/vfio_iommu_type1.ko']

  it('may be built in, seen or listed', () => {
    const seen = {
      ...unloaded,
      '/sys/module/vfio_pci/parameters/ids': '',
      '/sys/module/vfio_iommu_type1/parameters/x': '',
    }
    expect(line('vfio', factsOf(seen))).toMatchObject({ state: 'ok', found: expect.stringContaining('built in') })
    expect(line('vfio', factsOf({ ...unloaded, [builtIn]: `${PATHS.join('\n')}\n`.replace('.xz', '') })).state).toBe(
      'ok',
    )
  })

  it('are bad when they are not loaded, and the commands load them', () => {
    const finding = line('vfio', factsOf({ ...unloaded, [dep]: PATHS.map((path) => `${path}: a.ko\n`).join('') }))
    expect(finding).toMatchObject({
      state: 'bad',
      found: expect.stringMatching(/vfio-pci is not loaded.*type1 is not loaded/),
    })
    expect(commands(finding)).toEqual(['modprobe vfio-pci', 'modprobe vfio_iommu_type1'])
  })

  it('are bad when this kernel has none; no command would help', () => {
    const finding = line('vfio', factsOf({ ...unloaded, [dep]: 'kernel/fs/ext4/ext4.ko:\n', [builtIn]: '' }))
    expect(finding).toMatchObject({ state: 'bad', mend: [], found: expect.stringContaining('not in this kernel') })
  })

  it('are loaded by a run of root', () => {
    const facts = factsOf(unloaded)
    expect(line('vfio', { ...facts, user: { root: true, name: 'root' } })).toMatchObject({ state: 'warn' })
    const type1 = factsOf({ '/sys/module/vfio_iommu_type1': GONE })
    expect(line('vfio', { ...type1, user: { root: true, name: 'root' } })).toMatchObject({ state: 'bad' })
  })

  it('are worth a try when the list of modules cannot be read', () => {
    expect(commands(line('vfio', factsOf(unloaded)))).toContain('modprobe vfio-pci')
  })

  it('lack for iommufd too when vfio-pci does, but not when only type 1 does', () => {
    expect(line('vfio', factsOf(unloaded)).ways).toContain('iommufd')
    expect(line('vfio', factsOf({ '/sys/module/vfio_iommu_type1': GONE }))).toMatchObject({
      state: 'bad',
      ways: ['vfio'],
    })
  })

  it('do not help when their file is not there, as in a container', () => {
    expect(line('vfio', factsOf({ '/dev/vfio/vfio': GONE }))).toMatchObject({ state: 'bad', ways: ['vfio'] })
  })

  it('do not help when their file may not be opened', () => {
    const finding = line('vfio', { ...factsOf(), containerNode: 'denied' })
    expect(finding).toMatchObject({ state: 'bad', ways: ['vfio'], found: expect.stringContaining('/dev/vfio/vfio') })
    expect(commands(finding)).toEqual(['chmod 666 /dev/vfio/vfio'])
  })
})

describe('iommufd', () => {
  it('is bad when its file may not be opened; the command gives it to this user', () => {
    expect(commands(line('iommufd', { ...factsOf(), iommufdNode: 'denied' }))).toEqual(['chown ada /dev/iommu'])
  })

  it('is bad when it is not loaded, and when the kernel has none', () => {
    const gone = { '/dev/iommu': GONE, '/sys/module/iommufd': GONE }
    const listed = { '/lib/modules/6.12.9/modules.dep': 'kernel/drivers/iommu/iommufd/iommufd.ko:\n' }
    expect(commands(line('iommufd', factsOf({ ...gone, ...listed })))).toEqual(['modprobe iommufd'])
    expect(line('iommufd', factsOf(gone))).toMatchObject({ state: 'bad', mend: [] })
  })
})

describe('noiommu mode', () => {
  const mode = '/sys/module/vfio/parameters/enable_unsafe_noiommu_mode'
  it.each([
    [{ [mode]: 'N\n' }, 'off'],
    [{ [mode]: GONE }, 'CONFIG_VFIO_NOIOMMU'],
    [{ '/dev/udmabuf': GONE }, 'CONFIG_UDMABUF'],
  ])('is bad with %p', (changes, found) => {
    expect(line('noiommu', factsOf(changes))).toMatchObject({ state: 'bad', found: expect.stringContaining(found) })
  })

  it('is bad for a user who may not open /dev/udmabuf', () => {
    expect(line('noiommu', { ...factsOf(), udmabuf: 'denied' }).state).toBe('bad')
  })
})

describe('the limit of locked memory', () => {
  const limited = (soft: string, hard: string): ReturnType<typeof factsOf> =>
    factsOf({ '/proc/self/limits': limits(soft, hard) })

  it.each([
    ['16777216', 'ok'],
    ['8388608', 'warn'],
    ['65536', 'warn'],
    ['32768', 'bad'],
  ])('of %s bytes is %s', (soft, state) => {
    expect(line('memlock', limited(soft, soft)).state).toBe(state)
  })

  it('is raised by the user as far as the hard one goes, else by root for that user', () => {
    expect(line('memlock', limited('65536', 'unlimited')).mend).toEqual([{ command: 'ulimit -l 16384', asRoot: false }])
    expect(line('memlock', limited('65536', '65536')).mend).toEqual([
      { command: expect.stringMatching(/^echo 'ada - memlock 16384' > \/etc\/security\/limits\.d\//), asRoot: true },
    ])
  })

  it('does not count for who may lock without limit', () => {
    const exempt = { '/proc/self/status': 'Uid:\t0\t0\t0\t0\nCapEff:\t000001ffffffffff\n' }
    expect(line('memlock', factsOf({ ...exempt, '/proc/self/limits': limits('0', '0') })).state).toBe('ok')
  })

  it('is unknown without the file', () => {
    expect(line('memlock', factsOf({ '/proc/self/limits': GONE })).state).toBe('unknown')
  })
})

describe('the limit of DMA entries', () => {
  const parameter = '/sys/module/vfio_iommu_type1/parameters/dma_entry_limit'
  it.each([
    ['4096', 'ok'],
    ['4095', 'warn'],
    ['0', 'bad'],
    [GONE, 'unknown'],
  ])('of %p is %s', (text, state) => {
    expect(line('dma-entries', factsOf({ [parameter]: text })).state).toBe(state)
  })
})

it.each([
  ['7', 'bad', ['echo 8 > /proc/sys/vm/nr_hugepages']],
  ['8', 'ok', []],
  [GONE, 'bad', []],
] as const)('%p free huge pages are %s', (free, state, mend) => {
  const finding = line('hugepages', factsOf({ '/sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages': free }))
  expect(finding.state).toBe(state)
  expect(commands(finding)).toEqual(mend)
})

describe('the lockdown', () => {
  const file = '/sys/kernel/security/lockdown'
  it.each([
    ['none [integrity] confidentiality', 'warn'],
    ['none integrity [confidentiality]', 'warn'],
  ])('%p is %s', (text, state) => {
    expect(line('lockdown', factsOf({ [file]: text })).state).toBe(state)
  })

  it('is none where the kernel has no such thing, and unknown where its file system is not mounted', () => {
    expect(line('lockdown', factsOf({ '/sys/kernel/security': GONE })).state).toBe('ok')
    expect(line('lockdown', factsOf({ [file]: GONE, '/sys/kernel/security/apparmor': '' })).state).toBe('ok')
    expect(line('lockdown', factsOf({ [file]: GONE, '/sys/kernel/security/': '' })).state).toBe('unknown')
  })
})

it.each([
  ['denied', ['sysctl -w kernel.dmesg_restrict=0']],
  ['absent', []],
] as const)('a kernel log that is %s is a warning', (kernelLog, mend) => {
  const finding = line('kernel-log', { ...factsOf(), kernelLog })
  expect(finding.state).toBe('warn')
  expect(commands(finding)).toEqual(mend)
})
