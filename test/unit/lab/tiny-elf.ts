/** A 64-bit ELF file with the given sections and nothing that runs. */
export function tinyElf(sections: Readonly<Record<string, Uint8Array>>, segments: readonly number[] = []): Buffer {
  const names = ['', ...Object.keys(sections), '.shstrtab']
  const nameTable = Buffer.from(`${names.join('\0')}\0`)
  const bodies = [Buffer.alloc(0), ...Object.values(sections), nameTable]
  const head = 64 + segments.length * 56
  const starts = bodies.map((_, index) => head + bodies.slice(0, index).reduce((sum, { length }) => sum + length, 0))
  const table = head + bodies.reduce((sum, { length }) => sum + length, 0)
  const file = Buffer.alloc(table + bodies.length * 64)
  file.write('\x7fELF\x02\x01\x01', 0, 'latin1')
  file.writeBigUInt64LE(64n, 0x20)
  file.writeBigUInt64LE(BigInt(table), 0x28)
  file.writeUInt16LE(56, 0x36)
  file.writeUInt16LE(segments.length, 0x38)
  file.writeUInt16LE(64, 0x3a)
  file.writeUInt16LE(bodies.length, 0x3c)
  file.writeUInt16LE(bodies.length - 1, 0x3e)
  segments.forEach((type, index) => file.writeUInt32LE(type, 64 + index * 56))
  bodies.forEach((body, index) => {
    file.set(body, starts[index])
    file.writeUInt32LE(
      names.slice(0, index).reduce((sum, { length }) => sum + length + 1, 0),
      table + index * 64,
    )
    file.writeBigUInt64LE(BigInt(starts[index] ?? 0), table + index * 64 + 0x18)
    file.writeBigUInt64LE(BigInt(body.length), table + index * 64 + 0x20)
  })
  return file
}
