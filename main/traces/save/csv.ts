/** A value of a CSV file; null is an empty field, as is NaN. */
export type CsvValue = string | number | boolean | null

/** One field, in quotes where RFC 4180 needs them. */
function field(value: CsvValue): string {
  if (value === null || Number.isNaN(value)) return ''
  const text = String(value)
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}

/** A record by RFC 4180, its line end included. */
export const csvLine = (values: readonly CsvValue[]): string => `${values.map(field).join(',')}\r\n`
