import { describe, expect, it } from '@jest/globals'
import { listChecks } from './engines/lists.ts'
import { describeEngineContract } from './engine.ts'
import { openNvmeBench } from './nvme/bench.ts'

describeEngineContract('nvme on a modelled controller', () => openNvmeBench())
describeEngineContract('nvme on one that notices what it was refused', () => openNvmeBench({ notices: true }))

describe('nvme where lists must be aligned', () => {
  const check = listChecks.find(({ name }) => name.includes('no multiple of the alignment'))
  it.each([4, 4096])('to %s bytes refuses others before anything is done', async (granularity) => {
    if (check === undefined) throw new Error('the check has another name')
    const bench = await openNvmeBench({}, { granularity })
    await check.run(bench)
    expect(bench.model.commands).toEqual([])
    await bench.close()
  })
})
