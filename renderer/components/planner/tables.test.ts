import { mount } from '@vue/test-utils'
import { createPinia, setActivePinia } from 'pinia'
import { TooltipProvider } from 'reka-ui'
import { beforeEach, describe, expect, it } from 'vitest'
import { h, type Component } from 'vue'
import { provideBridge } from '../../bridge/current.ts'
import { memoryBridge, type MemoryBridge } from '../../bridge/memoryBridge.ts'
import { ANSWERS, candidate, configOfTest, published } from '../../stores/testPlannerData.ts'
import CandidateTable from './CandidateTable.vue'
import PublishedTable from './PublishedTable.vue'

let bridge: MemoryBridge
beforeEach(() => {
  setActivePinia(createPinia())
  bridge = memoryBridge({ 'cluster.export': () => ({ ok: false, error: { code: 'internal', message: 'no folder' } }) })
  provideBridge(bridge)
})

const shown = (component: Component, props: Record<string, unknown>) => mount(TooltipProvider, { slots: { default: () => h(component, props) } })
const text = (value: string): string => value.replaceAll(/\s+/g, ' ').trim()

describe('the table of arrangements', () => {
  const ofCandidates = (change: Record<string, unknown> = {}) =>
    shown(CandidateTable, { candidates: ANSWERS.candidates, config: configOfTest({}), disabled: false, ...change })

  it('marks the best, the runner-up, what all are held against, and the user\'s own', () => {
    const names = ofCandidates().findAll('.name').map((cell) => [cell.element.firstChild?.textContent?.trim(), ...cell.findAll('.tag').map((tag) => tag.text())])
    expect(names).toEqual([['double ring in windows of 8, zigzag', 'BEST'], ['zigzag ring', 'RUNNER-UP', 'YOURS'], ['contiguous ring', 'BASE']])
  })
  it('gives figures with their units, and says where memory does not hold them', () => {
    const table = shown(CandidateTable, { candidates: [candidate('zigzag ring', 4, {}, { fits: false, overlapRatio: null })], config: {}, disabled: false })
    expect(table.findAll('td.number').map((cell) => text(cell.text()))).toEqual(['4.00 ms', '2.00x', '25.0 %', 'n/a', '500 µs', '1.00 GiB', '2.00 GiB too much'])
  })
  it('offers three actions a row, named for those who do not see the row', () => {
    const labels = ofCandidates().findAll('tbody tr')[1].findAll('button').map((button) => button.attributes('aria-label'))
    expect(labels).toEqual(['Use this config: zigzag ring', 'Simulate zigzag ring', 'Cluster folder of zigzag ring'])
  })
  it('asks for the folder of the row', async () => {
    await ofCandidates().findAll('[data-testid="planner-folder"]')[2].trigger('click')
    expect(bridge.requests).toEqual([{ route: 'cluster.export', input: { config: { ...ANSWERS.candidates[2].config, name: '8 ranks, contiguous ring' } } }])
  })
  it('offers nothing while the form is ahead of the answers', () => {
    expect(ofCandidates({ disabled: true }).findAll('button').every((button) => button.attributes('disabled') !== undefined)).toBe(true)
  })
})

describe('the table of published figures', () => {
  it('groups them by source and gives each with its unit, the difference signed', () => {
    const table = shown(PublishedTable, {
      published: [
        published({}), published({ source: 'a paper', reference: '3', what: 'bandwidth', unit: 'GB/s', published: 150, ours: 2.5, difference: -147.5, kind: 'claim', note: 'they forgot units' }),
        published({ what: 'stripe', role: 'calibration', unit: 'x', published: 1.67, ours: 1.65, difference: -0.02 }),
      ],
    })
    expect(table.findAll('tbody tr').map((row) => text(row.text()))).toEqual([
      'a README 1.1', 'zigzag80.0 %84.0 %+4.00 pointsMEASUREDprediction', 'stripe1.67x1.65x-0.0200xMEASUREDcalibration',
      'a paper 3', 'bandwidth150 GB/s2.50 GB/s-148 GB/sCLAIMpredictionthey forgot units',
    ])
  })
})
