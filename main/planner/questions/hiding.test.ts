import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { LAYOUTS, MASKS } from '../../../kernels/config/runConfig.ts'
import { LINKS } from '../tables/links.ts'
import { linkAnswers, minRingTokens, neededBandwidth, neededGBps } from './hiding.ts'
import { askedCluster, askedConfig } from './testQuestions.ts'

const link = { bandwidthGBps: 100, latencyUs: 0 }

describe('shard length that hides the wire', () => {
  test.each([
    // κ (e/2) (Hkv/Hq) F/B and κ (e + e_g)/5 (Hkv/Hq) F/B at F/B = 1000, e = 2, e_g = 4; reference section 2.8.
    [{ layout: 'contiguous', kvHeads: 32 }, 1000, 1200], [{ layout: 'zigzag', kvHeads: 32 }, 2000, 2400], [{ layout: 'zigzag' }, 500, 600],
    [{ layout: 'striped', mask: 'full' }, 250, 300],
    // The algorithm does not matter: it is that of a plain ring. Nor do batch, sets, documents.
    [{ algorithm: 'ulysses', layout: 'contiguous', kvHeads: 32 }, 1000, 1200], [{ layout: 'zigzag', batch: 4, ringSets: 2 }, 500, 600],
    [{ layout: 'zigzag', cuSeqlens: [0, 100, 8192] }, 500, 600],
  ] as const)('golden: %j needs %i tokens forward and %i backward', (fields, forward, backward) => {
    const config = askedConfig({ ...fields, cuSeqlens: 'cuSeqlens' in fields ? [...fields.cuSeqlens] : null })
    expect(minRingTokens(config, askedCluster(), 'forward', link)).toBe(forward)
    expect(minRingTokens(config, askedCluster(), 'backward', link)).toBe(backward)
  })

  test('a cluster without element sizes takes those of a run: float32, or bfloat16 K/V', () => {
    const least = (wireDtype: 'float32' | 'bfloat16'): number =>
      minRingTokens(askedConfig({ layout: 'contiguous', kvHeads: 32, wireDtype }), askedCluster({ elementBytes: null }), 'forward', link)
    expect([least('float32'), least('bfloat16')]).toEqual([2000, 1000])
  })

  test('in a ring of two K/V and gradients travel in steps of their own', () => {
    const config = askedConfig({ world: 2, layout: 'contiguous', kvHeads: 32 })
    // Of the gradient alone: e_g/5 F/B.
    expect(minRingTokens(config, askedCluster(), 'backward', link)).toBe(800)
    expect(neededGBps({ ...config, pass: 'forward-backward' }, askedCluster(), 'backward', 800)).toBeCloseTo(100, 9)
  })

  test('one rank has nothing to hide', () => {
    const config = askedConfig({ world: 1 })
    expect([minRingTokens(config, askedCluster(), 'forward', link), neededGBps(config, askedCluster(), 'forward', 8192)]).toEqual([1, 0])
  })

  test('a link hides the wire exactly where it has the bandwidth that is left to need', () => {
    fc.assert(fc.property(
      fc.constantFrom(...LAYOUTS), fc.constantFrom(...MASKS), fc.constantFrom(1, 8, 32), fc.integer({ min: 1, max: 1 << 16 }),
      fc.constantFrom({ kv: 1, query: 1, gradient: 2 }, { kv: 2, query: 2, gradient: 4 }, null),
      (layout, mask, kvHeads, shardTokens, elementBytes) => {
        const config = askedConfig({ layout, mask, kvHeads, pass: 'forward-backward' })
        for (const { margin, hides, label } of linkAnswers(config, askedCluster({ elementBytes }), shardTokens, LINKS)) {
          // Next to 1, rounding decides.
          if (Math.abs(margin.forward - 1) > 1e-9) expect(hides.forward, label).toBe(margin.forward > 1)
          if (margin.backward !== null && Math.abs(margin.backward - 1) > 1e-9) expect(hides.backward, label).toBe(margin.backward > 1)
        }
      }), { numRuns: 30 })
  })

  test('needed bandwidth is what makes the asked length the least one', () => {
    const config = askedConfig({ pass: 'forward-backward' })
    const { forward, backward } = neededBandwidth(config, askedCluster(), 1024)
    expect(minRingTokens(config, askedCluster(), 'forward', { bandwidthGBps: forward * (1 + 1e-9), latencyUs: 0 })).toBe(1024)
    expect(minRingTokens(config, askedCluster(), 'backward', { bandwidthGBps: (backward ?? 0) * (1 + 1e-9), latencyUs: 0 })).toBe(1024)
    expect(neededBandwidth(askedConfig(), askedCluster(), 1024).backward).toBeNull()
  })

  test('the cluster\'s own links come first, by their names where the table has them', () => {
    const [nvlink, hdr] = [LINKS[0], LINKS.find(({ id }) => id === 'ib-hdr')].map((entry) => ({ bandwidthGBps: entry?.bandwidthGBps ?? 0, latencyUs: entry?.latencyUs ?? 0 }))
    const known = linkAnswers(askedConfig(), askedCluster({ intra: nvlink, inter: hdr, ranksPerNode: 4 }), 1024, LINKS)
    expect(known.slice(0, 3).map(({ id, chosen }) => [id, chosen])).toEqual([['nvlink3', 'intra'], ['ib-hdr', 'inter'], ['nvlink3-a800', null]])
    expect(known).toHaveLength(LINKS.length)
    const custom = linkAnswers(askedConfig(), askedCluster({ intra: { bandwidthGBps: 7, latencyUs: 3 } }), 1024, LINKS)
    expect(custom[0]).toMatchObject({ id: 'intra', label: '7 GB/s, 3 µs within a node', chosen: 'intra' })
    expect(custom).toHaveLength(LINKS.length + 1)
  })
})
