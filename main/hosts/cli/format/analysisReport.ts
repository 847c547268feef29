import type { TraceAnalysis } from '../../../../preload/contract/analysis.ts'
import { criticalPathSection, ringsSection, stepsSection } from './ringTables.ts'
import { formatRunReport } from './runReport.ts'
import { formatSections } from './table.ts'
import { classificationSection, clockSection, filesSection, ranksSection, waitsSection } from './traceTables.ts'

/** What a trace says, for people. @param finding its main point in a sentence. */
export function formatAnalysis(analysis: TraceAnalysis, finding: string): string {
  return formatSections([
    filesSection(analysis),
    finding,
    clockSection(analysis),
    ranksSection(analysis),
    waitsSection(analysis),
    ringsSection(analysis),
    stepsSection(analysis),
    criticalPathSection(analysis),
    analysis.notes.map((note) => `note: ${note}`).join('\n'),
    classificationSection(analysis),
    analysis.run === null ? null : `As the run itself reported:\n\n${formatRunReport({ ...analysis.run, tracePath: null }).trimEnd()}`,
  ])
}
