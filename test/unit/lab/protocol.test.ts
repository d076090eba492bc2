import { describe, expect, it } from '@jest/globals'
import { Duplex } from 'node:stream'
import { serveChannel, type ChannelRequest } from '../../../src/lab/exchange/channel.ts'
import { performRequest } from '../../../src/lab/exchange/requests.ts'
import { attach } from '../../../src/lab/qemu/attach.ts'
import { Qmp } from '../../../src/lab/qemu/qmp.ts'

/** One end of a connection; the test is the other. */
class Peer extends Duplex {
  readonly heard: string[] = []
  override _read(): void {}
  override _write(chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
    this.heard.push(...chunk.toString().trimEnd().split('\n'))
    done()
  }
  say(...lines: readonly unknown[]): void {
    for (const line of lines) this.push(`${typeof line === 'string' ? line : JSON.stringify(line)}\n`)
  }
  get last(): unknown {
    return JSON.parse(this.heard.at(-1) ?? 'null')
  }
}
const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

describe('QMP', () => {
  const connect = (): { readonly peer: Peer; readonly qmp: Qmp } => {
    const peer = new Peer()
    return { peer, qmp: new Qmp(peer) }
  }

  it('leaves negotiation before its first command', () => {
    const { peer, qmp } = connect()
    void qmp.execute('query-status')
    expect(peer.heard.map((line) => (JSON.parse(line) as { execute: string }).execute)).toEqual([
      'qmp_capabilities',
      'query-status',
    ])
  })

  it('gives each answer to the command that it belongs to, in whatever order they come', async () => {
    const { peer, qmp } = connect()
    const [one, two] = [qmp.execute('one'), qmp.execute('two')]
    peer.say({ QMP: {} }, { event: 'STOP' }, { return: 'second', id: 3 }, 'garbage', { return: 'first', id: 2 })
    expect(await Promise.all([one, two])).toEqual(['first', 'second'])
  })

  it("fails with QEMU's words when QEMU refuses", async () => {
    const { peer, qmp } = connect()
    const refused = qmp.execute('device_del', { id: 'x' })
    peer.say({ id: 2, error: { class: 'DeviceNotFound', desc: "Device 'x' not found" } })
    await expect(refused).rejects.toMatchObject({ code: 'lab-refused', message: "Device 'x' not found" })
  })

  it('fails what is waiting, and whatever comes later, once QEMU is gone', async () => {
    const { peer, qmp } = connect()
    const waiting = qmp.execute('query-status')
    peer.destroy()
    await expect(waiting).rejects.toMatchObject({ code: 'closed' })
    await expect(qmp.execute('query-status')).rejects.toMatchObject({ code: 'closed' })
  })
})

describe('the channel', () => {
  const open = (perform: (request: ChannelRequest) => Promise<unknown>): Peer => {
    const peer = new Peer()
    serveChannel(peer, perform)
    return peer
  }
  const never = (): Promise<unknown> => Promise.reject(new Error('should not have been asked'))

  it('answers a request with its result', async () => {
    const peer = open(async (request) => ({ got: request.do }))
    peer.say({ id: 'a', do: 'unplug', device: '0000:01:00.0' })
    await settled()
    expect(peer.last).toEqual({ id: 'a', ok: true, result: { got: 'unplug' } })
  })

  it('answers with the reason when the request fails', async () => {
    const peer = open(() => Promise.reject(new Error('no such device')))
    peer.say({ id: 2, do: 'unplug', device: '0000:09:00.0' })
    await settled()
    expect(peer.last).toEqual({ id: 2, ok: false, error: 'no such device' })
  })

  it.each([
    ['garbage', null],
    ['[]', null],
    ['null', null],
    ['{"do":"unplug","device":"x"}', null],
    ['{"id":{},"do":"unplug","device":"x"}', null],
    ['{"id":3}', 3],
    ['{"id":3,"do":"dance"}', 3],
    ['{"id":3,"do":"unplug"}', 3],
    ['{"id":3,"do":"unplug","device":"x","wait":true}', 3],
    ['{"id":3,"do":"qmp","execute":""}', 3],
    ['{"id":3,"do":"screendump","name":"../../etc/passwd"}', 3],
    ['{"id":3,"do":"screendump","name":".."}', 3],
    ['{"id":3,"do":"screendump","name":""}', 3],
  ])('answers %s with an error and goes on', async (line, id) => {
    const peer = open(never)
    peer.say(line)
    await settled()
    expect(peer.last).toEqual({ id, ok: false, error: expect.not.stringContaining('asked') })
    peer.say('', line)
    await settled()
    expect(peer.heard).toHaveLength(2)
  })
})

describe("the channel's requests", () => {
  const devices = attach([{ name: 'a', presentation: { device: 'edu' } }], ['bochs-display,id=screen'], '/out')
  const asked = async (request: ChannelRequest): Promise<unknown> => {
    const peer = new Peer()
    performRequest(request, new Qmp(peer), devices, '/out').catch(() => undefined)
    await settled()
    const { execute, arguments: args } = peer.last as { readonly execute: string; readonly arguments: unknown }
    return [execute, args]
  }

  it('unplug the device at an address', async () => {
    expect(await asked({ id: 1, do: 'unplug', device: '0000:01:00.0' })).toEqual(['device_del', { id: 'lab1' }])
  })

  it('put a screendump into the output folder', async () => {
    expect(await asked({ id: 1, do: 'screendump', name: 'x.ppm', device: '0000:02:00.0' })).toEqual([
      'screendump',
      { filename: '/out/x.ppm', device: 'screen' },
    ])
  })

  it('pass other commands on as they are', async () => {
    const request = { id: 1, do: 'qmp', execute: 'system_reset', arguments: { a: [1] } } as const
    expect(await asked({ ...request, arguments: { a: [1] } })).toEqual(['system_reset', { a: [1] }])
  })

  it('name the devices that there are when none is at the address', async () => {
    const request = { id: 1, do: 'unplug', device: '0000:07:00.0' } as const
    await expect(performRequest(request, new Qmp(new Peer()), devices, '/out')).rejects.toThrow(
      '0000:01:00.0, 0000:02:00.0',
    )
  })
})
