import { describe, expect, it } from '@jest/globals'
import { Disposal } from '../../../src/base/disposal.ts'

async function failureOf(disposal: Disposal): Promise<unknown> {
  try {
    await disposal[Symbol.asyncDispose]()
    return undefined
  } catch (error) {
    return error
  }
}

describe('a disposal', () => {
  it('runs its steps last first, each after the one before has ended', async () => {
    const seen: string[] = []
    const disposal = new Disposal()
    disposal.defer(() => void seen.push('first opened'))
    disposal.defer(async () => {
      seen.push('second begins')
      await new Promise((resolve) => setImmediate(resolve))
      seen.push('second ends')
    })
    disposal.use({ [Symbol.dispose]: () => void seen.push('third opened') })
    await disposal[Symbol.asyncDispose]()
    expect(seen).toEqual(['third opened', 'second begins', 'second ends', 'first opened'])
  })

  it('returns what it is to close', () => {
    const thing = { name: 'thing', [Symbol.dispose]: () => undefined }
    expect(new Disposal().use(thing)).toBe(thing)
  })

  it('waits for a thing that closes asynchronously', async () => {
    let closed = false
    const disposal = new Disposal()
    disposal.use({
      [Symbol.asyncDispose]: async () => {
        await new Promise((resolve) => setImmediate(resolve))
        closed = true
      },
    })
    await disposal[Symbol.asyncDispose]()
    expect(closed).toBe(true)
  })

  it('runs the other steps when one fails, and throws that failure itself', async () => {
    const [seen, failure] = [[] as string[], new Error('broken')]
    const disposal = new Disposal()
    disposal.defer(() => void seen.push('after'))
    disposal.defer(() => {
      throw failure
    })
    disposal.defer(() => void seen.push('before'))
    expect(await failureOf(disposal)).toBe(failure)
    expect(seen).toEqual(['before', 'after'])
  })

  it('reports every failure when several steps fail, thrown and rejected alike', async () => {
    const [thrown, rejected] = [new Error('thrown'), new Error('rejected')]
    const disposal = new Disposal()
    disposal.defer(() => {
      throw thrown
    })
    disposal.defer(() => Promise.reject(rejected))
    const error = await failureOf(disposal)
    expect(error).toBeInstanceOf(AggregateError)
    expect(error).toHaveProperty('errors', [rejected, thrown])
  })

  it('runs each step once, however often it is disposed and even if it failed', async () => {
    let runs = 0
    const disposal = new Disposal()
    disposal.defer(() => {
      runs++
      throw new Error('broken')
    })
    expect(await failureOf(disposal)).toBeInstanceOf(Error)
    expect(await failureOf(disposal)).toBeUndefined()
    expect(runs).toBe(1)
  })
})
