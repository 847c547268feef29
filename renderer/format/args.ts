/** An argument's value for people: of a JSON text that is a string its content, else the text as it is written. */
export function plainText(json: string): string {
  if (!json.startsWith('"')) return json
  try {
    return String(JSON.parse(json))
  } catch {
    // A damaged file's text: shown as it is.
    return json
  }
}
