export interface Column {
  readonly header: string
  /** Numbers go right, which is the default. */
  readonly align?: 'left' | 'right'
}

const GAP = '  '
/** Characters, not UTF-16 units. */
const width = (text: string): number => [...text].length

/** An aligned table with a header line. Every row has a cell for each column. */
export function formatTable(columns: readonly Column[], rows: readonly (readonly string[])[]): string {
  const widths = columns.map((column, index) => Math.max(width(column.header), ...rows.map((row) => width(row[index]))))
  const line = (cells: readonly string[]): string => cells
    .map((cell, index) => {
      const padding = ' '.repeat(widths[index] - width(cell))
      return columns[index].align === 'left' ? cell + padding : padding + cell
    })
    .join(GAP)
    .trimEnd()
  return [line(columns.map((column) => column.header)), ...rows.map(line)].join('\n')
}

/** Sections with an empty line between; empty sections are left out. */
export function formatSections(sections: readonly (string | null)[]): string {
  return `${sections.filter((section) => section !== null && section !== '').join('\n\n')}\n`
}
