/** Files in a dropped folder that may be traces; what is dropped by itself is opened whatever its name. */
const TRACE_NAME = /\.(json|gz)$/i

const asFile = (entry: FileSystemFileEntry): Promise<File> => new Promise((resolve, reject) => entry.file(resolve, reject))

/** All entries of a folder: a reader gives them in portions, and none when there are no more. */
async function entriesOf(folder: FileSystemDirectoryEntry): Promise<FileSystemEntry[]> {
  const reader = folder.createReader()
  const entries: FileSystemEntry[] = []
  for (;;) {
    const portion = await new Promise<FileSystemEntry[]>((resolve, reject) => reader.readEntries(resolve, reject))
    if (portion.length === 0) return entries
    entries.push(...portion)
  }
}

async function filesIn(folder: FileSystemDirectoryEntry): Promise<File[]> {
  const entries = (await entriesOf(folder)).sort((a, b) => a.name.localeCompare(b.name, undefined, { numeric: true }))
  const files: File[] = []
  for (const entry of entries) {
    if (entry.isDirectory) files.push(...await filesIn(entry as FileSystemDirectoryEntry))
    else if (TRACE_NAME.test(entry.name)) files.push(await asFile(entry as FileSystemFileEntry))
  }
  return files
}

/**
 * The files that a drop brought, and those in dropped folders whose names end in .json or .gz, by name.
 * Call it in the drop's own event: afterwards the browser has forgotten what was dropped.
 * @throws DOMException when a folder cannot be read
 */
export async function droppedFiles(transfer: DataTransfer): Promise<readonly File[]> {
  const dropped = [...transfer.items]
    .filter(({ kind }) => kind === 'file')
    .map((item) => ({ file: item.getAsFile(), entry: item.webkitGetAsEntry() }))
  const files: File[] = []
  for (const { file, entry } of dropped) {
    if (entry?.isDirectory === true) files.push(...await filesIn(entry as FileSystemDirectoryEntry))
    else if (file !== null) files.push(file)
  }
  return files
}
