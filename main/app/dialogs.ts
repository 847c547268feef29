/** A host's own file dialogs. Null answers mean that the user cancelled. */
export interface Dialogs {
  /** @returns absolute paths of the chosen traces, and of folders where the system's dialog offers those beside files. */
  openTraces(): Promise<readonly string[] | null>
  /** @param suggestedName file name to begin with. @returns absolute path to write to; the dialog has asked about overwriting. */
  saveTrace(suggestedName: string): Promise<string | null>
}
