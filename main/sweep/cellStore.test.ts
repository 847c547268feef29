import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { z } from 'zod'
import { CellStore, digestOf } from './cellStore.ts'

const cellSchema = z.object({ ms: z.number().positive() })
let folder: string

beforeEach(() => { folder = mkdtempSync(join(tmpdir(), 'ringscope-cells-')) })
afterEach(() => { rmSync(folder, { recursive: true }) })

const open = (facts: unknown = { machine: 'a' }): CellStore<{ ms: number }> => new CellStore(join(folder, 'sweeps'), 'tile', facts, cellSchema)
const onlyFile = (): string => join(folder, 'sweeps', readdirSync(join(folder, 'sweeps'))[0])

async function keep(cells: Record<string, number>, facts?: unknown): Promise<void> {
  const store = open(facts)
  for (const [key, ms] of Object.entries(cells)) store.set(key, { ms })
  expect(await store.save()).toEqual([])
}

describe('CellStore', () => {
  it('knows nothing before the first sweep', async () => {
    const store = open()
    expect(await store.load()).toEqual([])
    expect(store.get('x')).toBeNull()
  })

  it('knows what an earlier one measured, under the same facts only', async () => {
    await keep({ x: 1 })
    const [same, other] = [open({ machine: 'a' }), open({ machine: 'b' })]
    await Promise.all([same.load(), other.load()])
    expect([same.get('x'), same.get('y'), other.get('x')]).toEqual([{ ms: 1 }, null, null])
  })

  it('adds to what others wrote meanwhile, and replaces what is measured again', async () => {
    const late = open()
    await late.load()
    await keep({ x: 1, y: 2 })
    late.set('y', { ms: 5 })
    await late.save()
    const store = open()
    await store.load()
    expect([store.get('x'), store.get('y')]).toEqual([{ ms: 1 }, { ms: 5 }])
  })

  it('leaves damaged cells out and says how many', async () => {
    await keep({ x: 1, y: 2 })
    const whole = JSON.parse(readFileSync(onlyFile(), 'utf8')) as { cells: { cell: unknown }[] }
    whole.cells[0].cell = { ms: 'soon' }
    writeFileSync(onlyFile(), JSON.stringify({ ...whole, cells: [...whole.cells, 7] }))
    const store = open()
    expect(await store.load()).toEqual([expect.stringMatching(/^2 damaged cells of earlier sweeps in .* were left out$/)])
    expect([store.get('x'), store.get('y')].filter((cell) => cell !== null)).toHaveLength(1)
  })

  it('uses nothing of a file that is none of its own, and writes it anew', async () => {
    await keep({ x: 1 })
    writeFileSync(onlyFile(), '{"cells": [')
    const store = open()
    expect(await store.load()).toEqual([expect.stringContaining('damaged')])
    store.set('y', { ms: 2 })
    await store.save()
    const again = open()
    expect(await again.load()).toEqual([])
    expect([again.get('x'), again.get('y')]).toEqual([null, { ms: 2 }])
  })

  it('says so when it cannot be written, and loses nothing but that', async () => {
    writeFileSync(join(folder, 'sweeps'), 'a file where the folder should be')
    const store = open()
    store.set('x', { ms: 1 })
    expect(await store.save()).toEqual([expect.stringContaining('could not be kept')])
  })

  it('writes nothing when nothing was measured', async () => {
    mkdirSync(join(folder, 'sweeps'))
    chmodSync(join(folder, 'sweeps'), 0o500)
    expect(await open().save()).toEqual([])
    expect(readdirSync(join(folder, 'sweeps'))).toEqual([])
  })
})

describe('digestOf', () => {
  it('is the same whatever the order of keys, and another for other facts', () => {
    expect(digestOf({ a: 1, b: { c: [1, 2], d: null } })).toBe(digestOf({ b: { d: null, c: [1, 2] }, a: 1 }))
    expect(digestOf({ a: [1, 2] })).not.toBe(digestOf({ a: [2, 1] }))
  })
})
