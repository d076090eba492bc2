import { describe, expect, it } from '@jest/globals'
import { refuseMachineUse } from '../../../../src/host/linux/machine-use.ts'
import { FakeMachine, type Tree, mounts, net, pci, routes, tcp } from './fake-machine.ts'

const CARD = '0000:05:00.0'
const OTHER = '0000:06:00.0'
const ON_CARD = 'pci0000:00/0000:00:1c.0/0000:05:00.0'
const ON_OTHER = 'pci0000:00/0000:00:1d.0/0000:06:00.0'
const ROUTES = routes(
  ['eth1', '0.0.0.0', '0.0.0.0'],
  ['eth0', '192.0.2.0', '255.255.255.0'],
  ['eth1', '10.0.0.0', '255.0.0.0'],
)
const MACHINE: readonly Tree[] = [
  pci('0000:00:1c.0/0000:05:00.0'),
  pci('0000:00:1d.0/0000:06:00.0'),
  net(`${ON_CARD}/net/eth0`),
  net(`${ON_OTHER}/net/eth1`),
  mounts(['0:2', '/', 'tmpfs', 'tmpfs']),
  ROUTES,
]
const SESSION = tcp(['192.0.2.1:22', '192.0.2.50:51000'])
const WITH = 'carries an SSH session with 192.0.2.50'

/** Phrases for the first card, after seeing that the other one is free. */
function usesOfCard(...trees: readonly Tree[]): readonly string[] {
  using machine = new FakeMachine(...MACHINE, ...trees)
  expect(machine.uses([OTHER])).toEqual([])
  return machine.uses([CARD]).map(({ use }) => use)
}

describe('a network card', () => {
  it('is free while nobody is logged in', () => {
    expect(usesOfCard()).toEqual([])
    expect(usesOfCard(tcp(['192.0.2.1:80', '192.0.2.50:51000'], ['192.0.2.1:22', '0.0.0.0:0', '0A']))).toEqual([])
  })

  it('carries an SSH session of the usual port', () => {
    expect(usesOfCard(SESSION)).toEqual([WITH])
  })

  it('carries one of another port, by the socket that the server holds', () => {
    const server: Tree = { '/proc/77/comm': 'sshd-session\n', '/proc/77/fd/4': '=> socket:[1234]' }
    using machine = new FakeMachine(...MACHINE, tcp(['192.0.2.1:2222', '192.0.2.50:51000', '01', 1234]))
    expect(machine.uses([CARD])).toEqual([])
    using served = new FakeMachine(...MACHINE, tcp(['192.0.2.1:2222', '192.0.2.50:51000', '01', 1234]), server)
    expect(served.uses([CARD, OTHER])).toEqual([{ address: CARD, use: WITH, label: 'SSH session' }])
  })

  it('carries the one that the caller was told of', () => {
    using machine = new FakeMachine(...MACHINE)
    expect(machine.uses([CARD, OTHER], '192.0.2.50 51000 192.0.2.1 2222')).toEqual([
      { address: CARD, use: WITH, label: 'SSH session' },
    ])
    expect(machine.uses([CARD, OTHER], '127.0.0.1 51000 127.0.0.1 22')).toEqual([])
  })

  it('carries it by the default route too, and by where its own address is', () => {
    using machine = new FakeMachine(...MACHINE, tcp(['192.0.2.1:22', '203.0.113.9:51000']))
    expect(machine.uses([CARD, OTHER]).map(({ address }) => address)).toEqual([CARD, OTHER])
  })

  it('shares it where two routes are equally good', () => {
    const equal = routes(['eth0', '0.0.0.0', '0.0.0.0', 100], ['eth1', '0.0.0.0', '0.0.0.0', 100])
    using machine = new FakeMachine(...MACHINE, equal, SESSION)
    expect(machine.uses([CARD, OTHER])).toHaveLength(2)
    using better = new FakeMachine(
      ...MACHINE,
      routes(['eth0', '0.0.0.0', '0.0.0.0', 9], ['eth1', '0.0.0.0', '0.0.0.0', 100]),
      SESSION,
    )
    expect(better.uses([CARD, OTHER]).map(({ address }) => address)).toEqual([CARD])
  })

  it.each(['bond0', 'br0', 'team0', 'eth9.100'])('carries what goes over %s above it', (name) => {
    const stacked = net(`virtual/net/${name}`, { lower_eth0: `-> /sys/devices/${ON_CARD}/net/eth0` })
    expect(usesOfCard(stacked, routes([name, '192.0.2.0', '255.255.255.0']), SESSION)).toEqual([WITH])
  })

  it('carries what goes over a VLAN on a bond', () => {
    const stacked = [
      net('virtual/net/bond0', { lower_eth0: `-> /sys/devices/${ON_CARD}/net/eth0` }),
      net('virtual/net/bond0.7', { lower_bond0: '-> /sys/devices/virtual/net/bond0' }),
    ]
    expect(usesOfCard(...stacked, routes(['bond0.7', '192.0.2.0', '255.255.255.0']), SESSION)).toEqual([WITH])
  })

  it('is the function that a virtio interface lies below', () => {
    const virtio = net(`${ON_CARD}/virtio2/net/ens3`)
    expect(usesOfCard(virtio, routes(['ens3', '192.0.2.0', '255.255.255.0']), SESSION)).toEqual([WITH])
  })

  it('is any of them when the session comes through a tunnel, or an interface that is not seen', () => {
    for (const [name, tree] of [
      ['wg0', net('virtual/net/wg0')],
      ['far0', {}],
    ] as const) {
      using machine = new FakeMachine(...MACHINE, tree, routes([name, '0.0.0.0', '0.0.0.0']), SESSION)
      expect(machine.uses([CARD, OTHER]).map(({ use }) => use)).toEqual([
        expect.stringContaining(`could be the one that ${WITH}`),
        expect.stringContaining(`could be the one that ${WITH}`),
      ])
    }
  })

  it('is any of them, whose interface is in another namespace, unless a program has it', () => {
    const hidden = (driver: string): Tree => ({
      '/sys/devices/pci0000:00/0000:07:00.0/class': '0x020000\n',
      '/sys/bus/pci/devices/0000:07:00.0': '-> /sys/devices/pci0000:00/0000:07:00.0',
      '/sys/devices/pci0000:00/0000:07:00.0/driver': `-> /sys/bus/pci/drivers/${driver}`,
    })
    const nowhere = [routes(['eth7', '0.0.0.0', '0.0.0.0']), SESSION]
    using bound = new FakeMachine(...MACHINE, hidden('igb'), ...nowhere)
    expect(bound.uses(['0000:07:00.0'])).toHaveLength(1)
    using passed = new FakeMachine(...MACHINE, hidden('vfio-pci'), ...nowhere)
    expect(passed.uses(['0000:07:00.0'])).toEqual([])
  })

  const IPV6 = `fd000000000000000000000000000000 40 ${'0'.repeat(32)} 00 ${'0'.repeat(32)} 00000100 00000001 00000000 00000001     eth0\n`
  const TCP6 = (remote: string): Tree => ({
    '/proc/net/tcp6': `  sl local\n 0: 000000FD000000000000000001000000:0016 ${remote}:C738 01 0:0 00:0 0 0 0 55 1\n`,
    '/proc/net/ipv6_route': IPV6,
  })

  it('carries sessions by IPv6, and by IPv4 in an IPv6 socket', () => {
    expect(usesOfCard(TCP6('000000FD000000000000000002000000'))).toEqual(['carries an SSH session with fd00::2'])
    const mapped = {
      '/proc/net/tcp6': ` 0: 0000000000000000FFFF0000010200C0:0016 0000000000000000FFFF0000320200C0:C738 01 0:0 00:0 0 0 0 55 1\n`,
    }
    expect(usesOfCard(mapped)).toEqual([WITH])
  })
})

describe('the refusal', () => {
  it('names the function, what the machine has on it, and that no flag helps', () => {
    using machine = new FakeMachine(...MACHINE, SESSION)
    expect(() => refuseMachineUse([OTHER, CARD], { root: machine.root })).toThrow(
      expect.objectContaining({
        code: 'device-protected',
        message: expect.stringMatching(/^0000:05:00\.0 carries an SSH session with 192\.0\.2\.50: .*no flag overrides/),
      }),
    )
  })

  it('does not come for a function that nothing rests on', () => {
    using machine = new FakeMachine(...MACHINE, SESSION)
    expect(() => refuseMachineUse([OTHER], { root: machine.root })).not.toThrow()
  })
})
