import { type SpanCategory, SPAN_CATEGORIES } from '../../kernels/timeline/categories.ts'
import { KERNEL_RULES } from './kernelRules.ts'
import type { ClassificationRules, RuleCategory } from './rules.ts'

export interface Classified {
  readonly category: SpanCategory
  /** "attention", "NCCL", "memory copy"; '' where no rule knows it, and for host activity. */
  readonly kind: string
  /** Spans of one track with different bands go to lanes of their own; '' is the track's main one. */
  readonly band: '' | 'kernels' | 'annotations' | 'synchronization'
}

export interface Classifier {
  /**
   * What an event is, by its `cat` and name. Kineto's old spellings (Kernel, Memcpy, Memset) count as the new ones. A
   * kernel that no rule knows counts as compute, as HolisticTraceAnalysis has it, and has no kind.
   */
  classify(cat: string | null, name: string): Classified
  /**
   * What an event without a `cat` is that runs on a device's track: XLA writes no categories.
   * @param track the track's name: "Stream #20(Compute)" holds kernels, "Steps" and "XLA Modules" hold what encloses them.
   */
  classifyDevice(name: string, track?: string | null): Classified
}

interface CompiledRule {
  readonly name: RegExp
  /** Lower case; null in rules for device work of any category. */
  readonly cat: string | null
  readonly category: RuleCategory
  readonly kind: string
}

const DEVICE_CATEGORIES = new Set(['kernel', 'gpu_memcpy', 'gpu_memset', 'memcpy', 'memset'])
/** GPU-side records that share a track with kernels and are none. */
const BESIDE_KERNELS: Readonly<Record<string, Classified['band']>> = { gpu_user_annotation: 'annotations', cuda_sync: 'synchronization' }
/** Tracks on which XLA's profiler draws what encloses operations. */
const ENCLOSING_TRACK = /^(?:Steps|XLA Modules|XLA TraceMe|Framework Ops|Framework Name Scope|TensorFlow (?:Ops|Name Scope)|Source code|Launch Stats)\b/i

/** Names that no host activity has: communication even where nothing says what the track is. */
const NAMES_ITSELF = /^(?:nccl|rccl)/

const isSpanCategory = (text: string): text is SpanCategory => (SPAN_CATEGORIES as readonly string[]).includes(text)

function firstMatch(rules: readonly CompiledRule[], cat: string | null, isDevice: boolean, name: string): CompiledRule | null {
  return rules.find((rule) => (rule.cat === null ? isDevice : rule.cat === cat) && rule.name.test(name)) ?? null
}

/**
 * Puts events into categories: the user's rules first, then ours (kernelRules.ts). Answers about device work are
 * remembered by name, since a trace repeats few names millions of times.
 */
export function createClassifier(own: ClassificationRules | null = null): Classifier {
  const ownRules = (own?.rules ?? []).map(({ match, cat, category, kind }): CompiledRule =>
    ({ name: new RegExp(match), cat: cat?.toLowerCase() ?? null, category, kind }))
  const deviceRules: readonly CompiledRule[] = [...ownRules, ...KERNEL_RULES.map((rule) => ({ ...rule, cat: null }))]
  const namedCats = new Set(ownRules.flatMap(({ cat }) => (cat === null ? [] : [cat])))
  const known = new Map<string | null, Map<string, Classified>>()

  const device = (cat: string | null, name: string): Classified => {
    let ofCat = known.get(cat)
    if (ofCat === undefined) known.set(cat, ofCat = new Map<string, Classified>())
    let answer = ofCat.get(name)
    if (answer === undefined) {
      const rule = firstMatch(deviceRules, cat, true, name)
      answer = { category: rule?.category ?? 'compute', kind: rule?.kind ?? '', band: 'kernels' }
      ofCat.set(name, answer)
    }
    return answer
  }

  return {
    classify(cat, name) {
      if (cat === null) return NAMES_ITSELF.test(name) ? { ...device(null, name), band: '' } : { category: 'other', kind: '', band: '' }
      const lower = cat.toLowerCase()
      if (DEVICE_CATEGORIES.has(lower)) return device(lower, name)
      const band = BESIDE_KERNELS[lower] ?? ''
      const rule = namedCats.has(lower) ? firstMatch(ownRules, lower, false, name) : null
      if (rule !== null) return { category: rule.category, kind: rule.kind, band }
      return { category: isSpanCategory(cat) ? cat : 'other', kind: '', band }
    },
    classifyDevice(name, track = null) {
      if (track !== null && ENCLOSING_TRACK.test(track)) return { category: 'other', kind: '', band: 'annotations' }
      return { ...device(null, name), band: '' }
    },
  }
}
