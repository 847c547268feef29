import type { RunConfig } from '../../kernels/config/runConfig.ts'
import type { TimelineMeasure, WindowKind } from './measure.ts'

const WINDOW_WORDS: Readonly<Record<WindowKind, string>> = {
  iterations: 'measured iterations', 'profiler-steps': "the profiler's steps", 'ring-passes': 'passes of the ring', whole: 'all of it as one window',
}

/** What makes the work of a run another one. */
const SHAPE = ['seqLen', 'batch', 'heads', 'kvHeads', 'headDim', 'mask', 'lookback', 'pass', 'wireDtype'] as const satisfies readonly (keyof RunConfig)[]

function shapeDifferences(own: RunConfig, base: RunConfig): string[] {
  return SHAPE.filter((key) => JSON.stringify(own[key]) !== JSON.stringify(base[key]))
    .map((key) => `${key} ${JSON.stringify(own[key])} against ${JSON.stringify(base[key])}`)
}

const worldOf = ({ world, ranks }: TimelineMeasure): number => world ?? ranks.length
const measured = ({ modelled, kind }: TimelineMeasure): string => (kind === 'simulation' ? 'simulated' : modelled ? 'modelled' : 'measured')

function against(own: TimelineMeasure, base: TimelineMeasure): string[] {
  const differences = own.config === null || base.config === null ? [] : shapeDifferences(own.config, base.config)
  const shared = own.ranks.filter((rank) => base.ranks.includes(rank))
  return [
    ...worldOf(own) !== worldOf(base) ? [`other world: ${worldOf(own)} ranks against ${worldOf(base)}; means over ranks are of other shares of the work`] : [],
    ...worldOf(own) === worldOf(base) && own.ranks.length !== base.ranks.length ? [`other ranks are open: ${own.ranks.join(', ')} against ${base.ranks.join(', ')}`] : [],
    ...shared.length === 0 && own.ranks.length === base.ranks.length ? [`other ranks: ${own.ranks.join(', ')} against ${base.ranks.join(', ')}`] : [],
    ...differences.length > 0 ? [`other shape: ${differences.join(', ')}`] : [],
    ...measured(own) !== measured(base) ? [`${measured(own)} times against ${measured(base)} ones`] : [],
    ...(own.kind === 'trace') !== (base.kind === 'trace') ? ['communication of a GPU trace includes the waiting inside its kernels, that of our own runs does not: compare transfer and waiting instead'] : [],
    ...own.windowKind !== base.windowKind ? [`other windows: ${WINDOW_WORDS[own.windowKind]} (${own.windows.length}) against ${WINDOW_WORDS[base.windowKind]} (${base.windows.length})`] : [],
  ]
}

/** What makes these timelines hard to compare, each named by its title, and by its position where titles are alike. */
export function warningsOf(measures: readonly TimelineMeasure[]): string[] {
  const [base, ...others] = measures
  const nameOf = (own: TimelineMeasure): string => {
    const alike = measures.filter(({ title }) => title === own.title)
    return alike.length === 1 ? own.title : `${own.title} (${measures.indexOf(own) + 1})`
  }
  const shared = base.caveats.filter((text) => measures.every(({ caveats }) => caveats.includes(text)))
  const single = measures.filter(({ windows }) => windows.length === 1)
  return [
    ...others.flatMap((own) => against(own, base).map((text) => `${nameOf(own)}: ${text}`)),
    ...measures.filter((own) => own.windowKind !== own.offers[0]).map((own) =>
      `${nameOf(own)}: compared by ${WINDOW_WORDS[own.windowKind]} instead of ${WINDOW_WORDS[own.offers[0]]}, which not all have`),
    ...single.map((own) => `${nameOf(own)}: has a single window, so nothing is known of its noise`),
    ...measures.flatMap((own) => own.caveats.filter((text) => !shared.includes(text)).map((text) => `${nameOf(own)}: ${text}`)),
    ...shared.map((text) => `each of them ${text}`),
  ]
}
