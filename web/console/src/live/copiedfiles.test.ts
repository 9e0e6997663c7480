/** Files by way of the clipboard: what is asked of clipboard and files, in which order, and what people are told. */
import { beforeEach, describe, expect, it } from "vitest";
import { typed, type Path } from "../wire/files";
import type { Clipboard } from "./clipboard";
import { CopiedFiles, freeName, type FilesPort } from "./copiedfiles";
import type { Chosen } from "./files/dropped";
import { Refused } from "./files/exchange";
import type { Transfer } from "./files/transfer";
import type { Source } from "./files/upload";

const item = (name: string, ...below: string[]): Chosen => ({
  name,
  sources: (below.length ? below : [name]).map((path) => ({ file: new File(["x"], "f"), path: typed(path) })),
});

class FakeFiles implements FilesPort {
  inbox: Path = "/home/rep/Downloads";
  there: Set<Path> | null = new Set();
  refuse = false;
  state = "done";
  readonly fetched: Path[] = [];
  readonly delivered: { folder: Path; paths: Path[]; make: boolean }[] = [];
  async ready(): Promise<void> {
    if (this.refuse) throw new Refused("stopped", "The customer did not allow File Transfer.");
  }
  names = async (): Promise<Set<Path> | null> => this.there;
  fetch = (paths: readonly Path[]): void => void this.fetched.push(...paths);
  deliver(folder: Path, _name: string, sources: readonly Source[], make: boolean): Transfer {
    this.delivered.push({ folder, paths: sources.map((one) => one.path), make });
    return { state: this.state, ended: Promise.resolve() } as unknown as Transfer;
  }
}

describe("copied files", () => {
  let files: FakeFiles;
  let clipboard: { state: { sharing: string; files: Path[]; others: number }; mayGiveFiles: boolean; given: Path[][]; why: string };
  let copied: CopiedFiles;

  beforeEach(() => {
    files = new FakeFiles();
    clipboard = Object.assign(
      { state: { sharing: "on", files: ["/a", "/b"], others: 0 }, mayGiveFiles: true, given: [] as Path[][], why: "" },
      {
        onchange: () => () => undefined,
        forgetFiles: () => (clipboard.state.files = []),
        giveFiles: async (paths: Path[]) => (clipboard.given.push(paths), clipboard.why),
      },
    );
    copied = new CopiedFiles(clipboard as unknown as Clipboard, files);
  });

  it("downloads what was copied there once the endpoint allows it", async () => {
    files.refuse = true;
    await copied.download();
    expect(files.fetched).toEqual([]);
    expect(copied.note).toBe("The customer did not allow File Transfer.");
    expect(copied.there).toEqual(["/a", "/b"]);
    files.refuse = false;
    await copied.download();
    expect(files.fetched).toEqual(["/a", "/b"]);
    expect(copied.there).toEqual([]);
  });

  it("asks where to, uploads under free names, and puts the paths into the clipboard", async () => {
    files.there = new Set(["one.txt", "folder"]);
    await copied.paste([item("one.txt"), item("folder", "folder/a", "folder/b/c")]);
    expect(copied.asked?.folder).toBe("/home/rep/Downloads");
    expect(files.delivered).toEqual([]);
    await copied.send("/home/rep/Downloads");
    expect(files.delivered).toEqual([
      { folder: "/home/rep/Downloads", paths: ["one (2).txt"], make: false },
      { folder: "/home/rep/Downloads", paths: ["folder (2)/a", "folder (2)/b/c"], make: false },
    ]);
    expect(clipboard.given).toEqual([["/home/rep/Downloads/one (2).txt", "/home/rep/Downloads/folder (2)"]]);
    expect(copied.note).toContain("are in the remote clipboard");
  });

  it("remembers the folder, and makes one that is missing", async () => {
    files.there = null;
    await copied.paste([item("x")]);
    await copied.send("/srv/new");
    expect(files.delivered).toEqual([{ folder: "/srv/new", paths: ["x"], make: true }]);
    await copied.paste([item("y")]);
    expect(copied.asked?.folder).toBe("/srv/new");
    copied.cancel();
    await copied.send("/srv/new");
    expect(files.delivered).toHaveLength(1);
  });

  it("leaves a folder whose name is no text as it is", async () => {
    files.inbox = "/home/\u00ff";
    await copied.paste([item("x")]);
    await copied.send(copied.asked!.folder);
    expect(files.delivered[0]?.folder).toBe("/home/\u00ff");
  });

  it("says why not: switched off, not allowed, not uploaded, not in the clipboard", async () => {
    clipboard.state.sharing = "off";
    await copied.paste([item("x")]);
    expect(copied.note).toContain("Clipboard Sharing");
    clipboard.mayGiveFiles = false;
    await copied.paste([item("x")]);
    expect(copied.note).toContain("may not");
    clipboard.state.sharing = "on";
    clipboard.mayGiveFiles = true;
    expect(copied.asked).toBeNull();
    clipboard.why = "This client does not know such content.";
    await copied.paste([item("x")]);
    await copied.send("/home");
    expect(copied.note).toBe("The files are in /home, but not in the clipboard: This client does not know such content.");
    files.state = "failed";
    await copied.paste([item("x")]);
    await copied.send("/home");
    expect(copied.note).toContain("was not uploaded");
    expect(clipboard.given).toHaveLength(1);
  });
});

describe("a free name", () => {
  it.each([
    ["a.txt", [], "a.txt"],
    ["a.txt", ["a.txt"], "a (2).txt"],
    ["a.txt", ["a.txt", "a (2).txt"], "a (3).txt"],
    [".bashrc", [".bashrc"], ".bashrc (2)"],
    ["Gr\u00fc\u00dfe", [typed("Gr\u00fc\u00dfe")], "Gr\u00fc\u00dfe (2)"],
  ])("%s beside %j is %s", (name, taken, free) => {
    expect(freeName(name, new Set(taken))).toBe(free);
  });
});
