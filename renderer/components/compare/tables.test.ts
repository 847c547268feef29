import { mount } from '@vue/test-utils'
import { createPinia, setActivePinia } from 'pinia'
import { TooltipProvider } from 'reka-ui'
import { beforeEach, describe, expect, it } from 'vitest'
import { h, type Component } from 'vue'
import type { Comparison, MetricRow } from '../../../preload/contract/compare.ts'
import MetricTable from './MetricTable.vue'
import SpanTable from './SpanTable.vue'

beforeEach(() => { setActivePinia(createPinia()) })

const metric = (id: string, unit: MetricRow['unit'], values: readonly number[], change: Partial<NonNullable<MetricRow['deltas'][number]>>, better: MetricRow['better'] = 'lower'): MetricRow => ({
  id, label: id, unit, better, definition: '', values, noise: [0.1, 0.1],
  deltas: [null, { absolute: values[1] - values[0], relative: values[0] === 0 ? null : values[1] / values[0] - 1, significant: true, parts: [], ...change }],
})
const COMPARISON: Comparison = {
  sources: [], verdicts: [], warnings: [], moreSpans: 3,
  metrics: [
    metric('makespan', 'ms', [10, 12], { parts: [{ rank: 3, step: 1, delta: 1.5 }, { rank: 0, step: null, delta: 0.5 }] }),
    metric('overlapRatio', '%', [50, 75], {}, 'higher'),
    metric('compute', 'ms', [5, 5.1], { significant: false }),
  ],
  spans: [
    { name: 'kernel', category: 'compute', counts: [2, 2], totalMs: [4, 5], missingIn: [] },
    { name: 'extra', category: 'compute', counts: [0, 1.5], totalMs: [0, 1], missingIn: [0] },
  ],
}
const shown = (component: Component) =>
  mount(TooltipProvider, { slots: { default: () => h(component, { comparison: COMPARISON, names: ['before', 'after'] }) } })
const texts = (cells: readonly { text(): string }[]): string[] => cells.map((cell) => cell.text().replaceAll(/\s+/g, ' ').trim())

describe('the table of figures', () => {
  it('gives each difference in its unit and as a share; of percentages in points', () => {
    const rows = shown(MetricTable).findAll('tbody tr').map((row) => texts(row.findAll('td.number')).slice(0, 3))
    expect(rows).toEqual([['10.0 ms', '12.0 ms', '+2.00 ms (+20.0 %)'], ['50.0 %', '75.0 %', '+25.0 pt'], ['5.00 ms', '5.10 ms', '+100 µs (+2.00 %)']])
  })

  it('tells better from worse by what is better, and greys what noise may be', () => {
    const judged = shown(MetricTable).findAll('tbody tr').map((row) => row.findAll('td.number')[2].classes().filter((name) => name !== 'number'))
    expect(judged).toEqual([['bad'], ['good'], ['muted']])
  })

  it('says in its title how many differ by more than noise, and shows those alone when asked', async () => {
    const table = shown(MetricTable)
    expect(table.find('h2').text()).toBe('2 of 3 figures differ by more than their noise')
    await table.find('[data-testid="compare-only-changes"]').trigger('click')
    expect(table.findAll('[data-metric]').map((row) => row.attributes('data-metric'))).toEqual(['makespan', 'overlapRatio'])
  })

  it('opens where a difference comes from: ranks and steps', async () => {
    const table = shown(MetricTable)
    await table.find('[aria-expanded]').trigger('click')
    expect(texts(table.findAll('.part'))).toEqual(['rank 3, step 1 +1.50 ms', 'rank 0 +500 µs'])
  })
})

describe('the table of spans', () => {
  it('says which spans are in one only', async () => {
    const table = shown(SpanTable)
    expect(table.find('h2').text()).toBe('1 or more kinds of spans are not in all timelines')
    await table.find('[data-testid="compare-only-missing"]').trigger('click')
    expect(texts(table.findAll('tbody td'))).toEqual(['extra', 'none', '', '1.50', '1.00 ms', '+1.00 ms'])
  })
})
