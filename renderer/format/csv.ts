export type CsvCell = string | number | boolean | null

/** A table with a header, one array of cells a row. */
export interface Table {
  readonly header: readonly string[]
  readonly rows: readonly (readonly CsvCell[])[]
}

const quote = (cell: CsvCell): string => {
  const text = cell === null ? '' : String(cell)
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}

/** RFC 4180 text, lines ended by CRLF. */
export function toCsv(table: Table): string {
  return [table.header, ...table.rows].map((row) => row.map(quote).join(',')).join('\r\n') + '\r\n'
}
