import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { type MachineFacts, machineKey } from './machineKey.ts'
import { RatesStore } from './ratesStore.ts'
import { someRates } from './testRates.ts'

let folder: string
beforeEach(() => { folder = mkdtempSync(join(tmpdir(), 'ringscope-rates-')) })
afterEach(() => { rmSync(folder, { recursive: true }) })

const store = (): RatesStore => new RatesStore(join(folder, 'deep', 'rates.json'))

describe('stored rates', () => {
  test('are read as they were written, and replaced whole', async () => {
    await store().write(someRates({ machineKey: 'here' }))
    await store().write(someRates({ machineKey: 'here', measuredAt: '2030-01-01T00:00:00.000Z' }))
    expect(await store().read('here')).toEqual({ rates: someRates({ machineKey: 'here', measuredAt: '2030-01-01T00:00:00.000Z' }), note: null })
    expect(readdirSync(join(folder, 'deep'))).toEqual(['rates.json'])
  })

  test('are none where nothing was stored, without a word', async () => {
    expect(await store().read('here')).toEqual({ rates: null, note: null })
  })

  test('of another machine are not used, and the note says why', async () => {
    await store().write(someRates({ machineKey: 'there' }))
    const { rates, note } = await store().read('here')
    expect(rates).toBeNull()
    expect(note).toMatch(/machine, Node or the kernels/)
  })

  test.each([
    ['cut short', (text: string) => text.slice(0, text.length / 2)], ['no rates', () => '{"machineKey": "here"}'],
    ['an impossible figure', (text: string) => text.replace(/"peakGflops": [\d.]+/, '"peakGflops": -1')], ['empty', () => ''],
  ])('that are %s count as none, and the note names the file', async (_, damage) => {
    await store().write(someRates({ machineKey: 'here' }))
    writeFileSync(store().path, damage(readFileSync(store().path, 'utf8')))
    const { rates, note } = await store().read('here')
    expect(rates).toBeNull()
    expect(note).toBe(`${store().path} is damaged: measured again`)
  })
})

test('measurements are of one processor, number of cores, caches, Node, version and kernels', () => {
  const facts: MachineFacts = {
    cpuModel: 'a processor', cores: 4, caches: { l1d: 32_768, l2: 2 ** 20, l3: null }, node: '24.0.0', version: '1.0.0', kernelDigest: 'abc',
  }
  const others: MachineFacts[] = [
    { ...facts, cpuModel: 'another' }, { ...facts, cores: 8 }, { ...facts, caches: { ...facts.caches, l3: 2 ** 25 } }, { ...facts, node: '24.1.0' },
    { ...facts, version: '1.0.1' }, { ...facts, kernelDigest: 'abd' },
  ]
  expect(machineKey({ ...facts })).toBe(machineKey(facts))
  expect(new Set([facts, ...others].map(machineKey)).size).toBe(1 + others.length)
})
