import { describe, expect, it } from '@jest/globals'
import { gunzipSync } from 'node:zlib'
import { cpioArchive } from '../../../src/lab/kernel/cpio.ts'
import { initramfs } from '../../../src/lab/kernel/initramfs.ts'

/** Made by GNU cpio 2.13 (-H newc --reproducible, owner root, time 0) of a folder `d` and a program `d/f`; its padding to 512 bytes is left out. */
const GNU_CPIO =
  '07070100000000000041ED00000000000000000000000200000000000000000000000000000000000000000000000000000002' +
  '00000000d\0' +
  '07070100000001000081ED00000000000000000000000100000000000000050000000000000000000000000000000000000004' +
  '00000000d/f\0\0\0hello\0\0\0' +
  '07070100000000000000000000000000000000000000010000000000000000000000000000000000000000000000000000000B' +
  '00000000TRAILER!!!\0\0\0\0'

describe('the archive of the first root', () => {
  it('is what GNU cpio makes of the same files', () => {
    const archive = cpioArchive([{ path: 'd' }, { path: 'd/f', bytes: Buffer.from('hello'), executable: true }])
    expect(archive.toString('latin1').toUpperCase()).toBe(GNU_CPIO.toUpperCase())
  })

  it('is the same for the same files', () => {
    const parts = { init: Buffer.from('i'), busybox: Buffer.from('b'), modules: [] }
    expect(initramfs(parts).equals(initramfs(parts))).toBe(true)
  })

  it('lists the modules in the order in which init loads them', () => {
    const modules = ['b', 'a'].map((name) => ({ name, bytes: Buffer.from(name) }))
    const text = gunzipSync(initramfs({ init: Buffer.from('i'), busybox: Buffer.from('b'), modules })).toString(
      'latin1',
    )
    expect(text).toContain('b.ko\na.ko\n')
  })

  it('has no list of modules for a kernel that has everything built in', () => {
    const archive = initramfs({ init: Buffer.from('i'), busybox: Buffer.from('b'), modules: [] })
    expect(gunzipSync(archive).toString('latin1')).not.toContain('modules/order')
  })
})
