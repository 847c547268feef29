import { openTraceBytes } from '../open/openTraces.ts'
import { TraceFormatError } from '../traceFormatError.ts'
import { mutate } from './damage.ts'
import { fileText, randomFrom, randomTrace } from './randomTrace.ts'
import { BeyondOracle, completeSpansOf, reportsOf, spansOf, spanTexts } from './traceOracle.ts'

export interface MutationProblem {
  readonly seed: number
  readonly what: string
  /** The input, in base64. */
  readonly bytes: string
}

export interface MutationReport {
  readonly inputs: number
  readonly opened: number
  readonly refused: number
  /** Inputs that were valid JSON and compared with JSON.parse, span by span. */
  readonly compared: number
  readonly problems: readonly MutationProblem[]
  readonly slowestMs: number
}

/** An input of a few kilobytes takes about a millisecond; beyond this it hangs, even on a loaded machine. */
const HANGS_MS = 5000
const MOST_PROBLEMS = 20

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

function textOf(bytes: Uint8Array): string | null {
  try {
    return decoder.decode(bytes)
  } catch {
    return null
  }
}

type Outcome = { readonly kind: 'opened'; readonly compared: boolean } | { readonly kind: 'refused' } | { readonly kind: 'problem'; readonly what: string }

async function outcomeOf(bytes: Uint8Array): Promise<Outcome> {
  const text = textOf(bytes)
  const expected = text === null ? null : completeSpansOf(text)
  let timeline
  try {
    timeline = await openTraceBytes('mutated.json', bytes)
  } catch (error) {
    if (!(error instanceof TraceFormatError)) return { kind: 'problem', what: `not a typed refusal: ${String(error)}` }
    return expected !== null && expected.length > 0 ? { kind: 'problem', what: `valid JSON with ${expected.length} spans was refused: ${error.message}` } : { kind: 'refused' }
  }
  const reports = reportsOf(timeline)
  // JSON.parse takes the last of two keys; a trace with two lists of events has both.
  const onceEach = text?.split('"traceEvents"').length === 2 || text?.trimStart().startsWith('[') === true
  if (expected === null || !onceEach) {
    return expected === null && reports.length === 0
      ? { kind: 'problem', what: 'no valid JSON, and nothing was reported' } : { kind: 'opened', compared: false }
  }
  const found = spanTexts(spansOf(timeline, ['complete']))
  const wanted = spanTexts(expected)
  if (found.length !== wanted.length || found.some((span, at) => span !== wanted[at])) {
    const missing = wanted.filter((span) => !found.includes(span)).slice(0, 2)
    const added = found.filter((span) => !wanted.includes(span)).slice(0, 2)
    return { kind: 'problem', what: `reads otherwise than JSON.parse: missing ${missing.join(' ')}; added ${added.join(' ')}` }
  }
  return { kind: 'opened', compared: true }
}

/**
 * Opens mutated traces and checks each: no crash, no hang, no unreported loss. An input that is still valid JSON must read
 * exactly as JSON.parse reads it; any other must be refused with a typed error, or opened with something reported.
 * @param seed of the first input; input i is made from seed + i alone.
 */
export async function checkMutations({ seed, inputs }: { readonly seed: number; readonly inputs: number }): Promise<MutationReport> {
  const problems: MutationProblem[] = []
  let opened = 0
  let refused = 0
  let compared = 0
  let slowestMs = 0
  for (let at = 0; at < inputs && problems.length < MOST_PROBLEMS; at++) {
    const random = randomFrom(seed + at)
    const bytes = mutate(random, new TextEncoder().encode(fileText(random, randomTrace(random).events)))
    const problem = (what: string): void => { problems.push({ seed: seed + at, what, bytes: Buffer.from(bytes).toString('base64') }) }
    const started = performance.now()
    try {
      const outcome = await outcomeOf(bytes)
      if (outcome.kind === 'problem') problem(outcome.what)
      else if (outcome.kind === 'refused') refused++
      else {
        opened++
        if (outcome.compared) compared++
      }
    } catch (error) {
      if (!(error instanceof BeyondOracle)) problem(`crashed: ${String(error)}`)
      else opened++
    }
    const tookMs = performance.now() - started
    slowestMs = Math.max(slowestMs, tookMs)
    if (tookMs > HANGS_MS) problem(`took ${tookMs.toFixed(0)} ms`)
  }
  return { inputs, opened, refused, compared, problems, slowestMs }
}
