/** One thing that is wrong with an input, said so that it can be mended without reading the source. */
export interface Problem {
  /** Dotted path of the offending value (`stragglers.3`), empty for the input as a whole. */
  readonly path: string
  /** What would have been accepted. */
  readonly expected: string
  /** What was given, as JSON (shortened). */
  readonly given: string
  /** What to do about it, where that is not obvious from `expected`. */
  readonly hint?: string
}

const LONGEST_GIVEN = 80

/** A value as it is quoted in a {@link Problem}: JSON, at most 80 characters. */
export function quoteValue(value: unknown): string {
  if (value === undefined) return 'nothing'
  const text = JSON.stringify(value) ?? String(value)
  return text.length > LONGEST_GIVEN ? `${text.slice(0, LONGEST_GIVEN - 1)}…` : text
}

/** One line for a terminal or a log. */
export function formatProblem(problem: Problem): string {
  const where = problem.path === '' ? '(whole input)' : problem.path
  const hint = problem.hint === undefined ? '' : ` (${problem.hint})`
  return `${where}: expected ${problem.expected}, got ${problem.given}${hint}`
}

/** An input was refused. Carries every problem found, not only the first. */
export class InvalidInputError extends Error {
  override readonly name = 'InvalidInputError'
  readonly source: string
  readonly problems: readonly Problem[]

  /** @param source what was read: a file's path, or a description such as "config from the form". */
  constructor(source: string, problems: readonly Problem[]) {
    super(`${source}: ${problems.length === 1 ? '1 problem' : `${problems.length} problems`}\n` +
      problems.map((problem) => `  ${formatProblem(problem)}`).join('\n'))
    this.source = source
    this.problems = problems
  }
}
