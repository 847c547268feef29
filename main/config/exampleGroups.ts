/**
 * How the configs that ship are listed: headings and order, by file name without its ending. What a new user should try
 * first comes first. Files that are not named here come last, under {@link OTHER_EXAMPLES}.
 */
export const EXAMPLE_GROUPS: readonly { readonly title: string; readonly names: readonly string[] }[] = [
  {
    title: 'Layouts',
    names: ['2-ranks-zigzag-causal', '2-ranks-contiguous-causal', '2-ranks-striped-causal', '2-ranks-block-cyclic-causal'],
  },
  {
    title: 'Backward pass and heads',
    names: ['4-ranks-forward-backward', '4-ranks-grouped-query-heads'],
  },
  {
    title: 'Algorithms',
    names: ['4-ranks-ulysses', '4-ranks-ulysses-x-ring', '4-ranks-two-ring-sets', '4-ranks-double-ring', '4-ranks-distflash'],
  },
  {
    title: 'Masks',
    names: ['4-ranks-lookback-window', '4-ranks-packed-documents', '2-ranks-key-padding'],
  },
  {
    title: 'Link and stragglers',
    names: ['2-ranks-bfloat16-wire', '4-ranks-slow-link', '4-ranks-no-overlap', '4-ranks-straggler'],
  },
  {
    title: 'Eight ranks, modelled',
    names: [
      '8-ranks-modelled-contiguous-causal', '8-ranks-modelled-striped-causal', '8-ranks-modelled-zigzag-causal', '8-ranks-modelled-distflash',
      '8-ranks-modelled-ring-slow-link', '8-ranks-modelled-double-ring-2', '8-ranks-modelled-double-ring-4',
    ],
  },
]

export const OTHER_EXAMPLES = 'Other examples'

const ORDER: ReadonlyMap<string, { readonly at: number; readonly title: string }> = new Map(
  EXAMPLE_GROUPS.flatMap(({ title, names }) => names.map((name) => [name, title] as const))
    .map(([name, title], at) => [name, { at, title }]),
)

/** The heading of a shipped config. */
export const exampleGroup = (name: string): string => ORDER.get(name)?.title ?? OTHER_EXAMPLES

/** Orders shipped configs as they are listed, by file name without ending. */
export function byExampleOrder(a: string, b: string): number {
  const [left, right] = [ORDER.get(a)?.at ?? ORDER.size, ORDER.get(b)?.at ?? ORDER.size]
  return left === right ? a.localeCompare(b, 'en') : left - right
}
