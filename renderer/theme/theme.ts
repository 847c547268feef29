import { usePreferredDark, useStorage } from '@vueuse/core'
import { computed, shallowRef, watch, type Ref } from 'vue'

export type ThemeChoice = 'auto' | 'light' | 'dark'
export const THEME_CHOICES: readonly ThemeChoice[] = ['auto', 'light', 'dark']

/** The interface colours that charts need, read from the style sheet so that there is one source. */
export interface ChartTokens {
  readonly background: string
  readonly panel: string
  readonly text: string
  readonly muted: string
  readonly faint: string
  readonly border: string
  readonly gridLine: string
  readonly band: string
  readonly accent: string
  readonly hatch: string
  readonly hatchBackground: string
  readonly rampLow: string
  readonly rampHigh: string
  readonly font: string
}

const VARIABLES: Readonly<Record<keyof ChartTokens, string>> = {
  background: '--bg', panel: '--panel', text: '--text-1', muted: '--text-2', faint: '--text-3', border: '--border-strong',
  gridLine: '--grid-line', band: '--band', accent: '--accent', hatch: '--hatch', hatchBackground: '--hatch-bg',
  rampLow: '--ramp-low', rampHigh: '--ramp-high', font: '--font',
}

function readTokens(): ChartTokens {
  const style = getComputedStyle(document.documentElement)
  return Object.fromEntries(
    Object.entries(VARIABLES).map(([token, variable]) => [token, style.getPropertyValue(variable).trim()]),
  ) as unknown as ChartTokens
}

const tokens = shallowRef<ChartTokens>()

/** Follows the theme; charts that read it are drawn again when it changes. */
export function useChartTokens(): Readonly<Ref<ChartTokens>> {
  tokens.value ??= readTokens()
  return tokens as Ref<ChartTokens>
}

/** The user's choice, remembered, and the theme that results. Call once, in the shell. */
export function useTheme(): { readonly choice: Ref<ThemeChoice>; readonly resolved: Readonly<Ref<'light' | 'dark'>> } {
  const choice = useStorage<ThemeChoice>('ringscope.theme', 'auto')
  const prefersDark = usePreferredDark()
  const resolved = computed(() => (choice.value === 'auto' ? (prefersDark.value ? 'dark' : 'light') : choice.value))
  watch(resolved, (theme) => {
    document.documentElement.dataset.theme = theme
    tokens.value = readTokens()
  }, { immediate: true })
  return { choice, resolved }
}
