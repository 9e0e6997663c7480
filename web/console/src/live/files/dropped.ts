/** Why: files of this computer as they are chosen or dropped, folders with all in them, each with its place below. */
import { typed } from "../../wire/files";
import type { Source } from "./upload";

/** One thing that a person chose: a file, or a folder with what is in it. */
export interface Chosen {
  readonly name: string;
  readonly sources: readonly Source[];
}

/** Files of an input; those of one folder belong together. */
export function chosen(files: Iterable<File>): readonly Chosen[] {
  const groups = new Map<string, Source[]>();
  const single: Chosen[] = [];
  for (const file of files) {
    const path = file.webkitRelativePath || file.name;
    const source = { file, path: typed(path) };
    const [top] = path.split("/");
    if (path === file.name || top === undefined) single.push({ name: file.name, sources: [source] });
    else if (groups.has(top)) groups.get(top)?.push(source);
    else groups.set(top, [source]);
  }
  return [...single, ...[...groups].map(([name, sources]) => ({ name, sources }))];
}

/** What was dropped or pasted. Call it while the event is handled; what is in folders is read after that. */
export async function dropped(transfer: DataTransfer): Promise<readonly Chosen[]> {
  const items = [...transfer.items].filter((item) => item.kind === "file");
  // A picture that was copied is a file without an entry.
  const files = items.filter((item) => !item.webkitGetAsEntry()).map((item) => item.getAsFile());
  const entries = items.map((item) => item.webkitGetAsEntry()).filter((entry) => entry !== null);
  const found: Chosen[] = [...chosen(files.filter((file) => file !== null))];
  for (const entry of entries) {
    const sources: Source[] = [];
    await walk(entry, "", sources);
    found.push({ name: entry.name, sources });
  }
  return found;
}

async function walk(entry: FileSystemEntry, above: string, into: Source[]): Promise<void> {
  const path = above + entry.name;
  if (entry.isFile) {
    const file = await new Promise<File>((done, failed) => (entry as FileSystemFileEntry).file(done, failed));
    into.push({ file, path: typed(path) });
    return;
  }
  const reader = (entry as FileSystemDirectoryEntry).createReader();
  for (;;) {
    const some = await new Promise<FileSystemEntry[]>((done, failed) => reader.readEntries(done, failed));
    if (!some.length) return;
    for (const one of some) await walk(one, `${path}/`, into);
  }
}
