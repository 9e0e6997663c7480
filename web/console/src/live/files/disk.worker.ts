/**
 * Why: the worker behind `disk`: one order at a time for each key, answers by number.
 * Rules: it speaks to nobody but the page (its own policy allows no connection), and holds no more than one block of a
 * file, unless the browser lends no private file system.
 */
import { createSHA256, type IHasher } from "hash-wasm";

export type Order =
  | { readonly do: "open"; readonly key: string; readonly size: number | null }
  | { readonly do: "append"; readonly key: string; readonly bytes: Uint8Array<ArrayBuffer> }
  | { readonly do: "clear" | "finish" | "release" | "file" | "remove" | "read" | "digest"; readonly key: string }
  | { readonly do: "source"; readonly key: string; readonly file: File; readonly offset: number }
  | { readonly do: "sweep"; readonly keep: readonly string[] };

export interface Answer {
  readonly id: number;
  readonly value?: unknown;
  /** It failed: `no-space`, `memory`, `browser`, `changed`. */
  readonly code?: string;
}

/** The part of the private file system that the page's types lack. */
interface SyncHandle {
  read(buffer: Uint8Array, options: { at: number }): number;
  write(buffer: Uint8Array, options: { at: number }): number;
  truncate(size: number): void;
  flush(): void;
  close(): void;
  getSize(): number;
}
type FileHandle = FileSystemFileHandle & { createSyncAccessHandle(): Promise<SyncHandle> };

const FOLDER = "farhand-downloads";
/** Sixteen large chunks. */
const BLOCK = 16 * 60 * 1024;
/** Most bytes that are kept in memory where there is no private file system. */
const MEMORY = 512 * 1024 * 1024;

class Failure extends Error {}

interface Sink {
  readonly hash: IHasher;
  have: number;
  readonly handle: SyncHandle | null;
  parts: Uint8Array<ArrayBuffer>[];
}

interface Reader {
  readonly file: File;
  readonly hash: IHasher;
  at: number;
}

const sinks = new Map<string, Sink>();
const readers = new Map<string, Reader>();
/** Hashers that are free again: making one takes longer than hashing a small file. */
const spare: IHasher[] = [];

async function hasher(): Promise<IHasher> {
  const hash = spare.pop() ?? (await createSHA256());
  return hash.init();
}

async function folder(): Promise<FileSystemDirectoryHandle | null> {
  try {
    return await (await navigator.storage.getDirectory()).getDirectoryHandle(FOLDER, { create: true });
  } catch {
    return null;
  }
}

async function open(key: string, size: number | null): Promise<{ have: number; sha256: string }> {
  close(key);
  const hash = await createSHA256();
  hash.init();
  const place = await folder();
  if (!place) {
    if ((size ?? 0) > MEMORY) throw new Failure("memory");
    sinks.set(key, { hash, have: 0, handle: null, parts: [] });
    return { have: 0, sha256: hash.digest("hex") };
  }
  const { quota, usage } = await navigator.storage.estimate();
  if (size && quota && size > quota - (usage ?? 0)) throw new Failure("no-space");
  const handle = await ((await place.getFileHandle(key, { create: true })) as FileHandle).createSyncAccessHandle();
  const sink: Sink = { hash, have: 0, handle, parts: [] };
  const block = new Uint8Array(BLOCK);
  for (;;) {
    const read = handle.read(block, { at: sink.have });
    if (!read) break;
    hash.update(block.subarray(0, read));
    sink.have += read;
  }
  sinks.set(key, sink);
  const saved = hash.save();
  const sha256 = hash.digest("hex");
  hash.load(saved);
  return { have: sink.have, sha256 };
}

const sinkOf = (key: string): Sink => {
  const sink = sinks.get(key);
  if (!sink) throw new Failure("browser");
  return sink;
};

function append(key: string, bytes: Uint8Array<ArrayBuffer>): void {
  const sink = sinkOf(key);
  if (sink.handle) {
    if (sink.handle.write(bytes, { at: sink.have }) !== bytes.byteLength) throw new Failure("no-space");
  } else {
    if (sink.have + bytes.byteLength > MEMORY) throw new Failure("memory");
    sink.parts.push(bytes);
  }
  sink.hash.update(bytes);
  sink.have += bytes.byteLength;
}

function clear(key: string): void {
  const sink = sinkOf(key);
  sink.handle?.truncate(0);
  sink.parts = [];
  sink.have = 0;
  sink.hash.init();
}

function close(key: string): void {
  const sink = sinks.get(key);
  if (!sink?.handle) return;
  sink.handle.flush();
  sink.handle.close();
  sinks.delete(key);
}

function finish(key: string): string {
  const { hash } = sinkOf(key);
  const sha256 = hash.digest("hex");
  close(key);
  return sha256;
}

async function file(key: string): Promise<Blob> {
  const sink = sinks.get(key);
  if (sink) return new Blob(sink.parts);
  const place = await folder();
  if (!place) throw new Failure("browser");
  return (await place.getFileHandle(key)).getFile();
}

async function remove(key: string): Promise<void> {
  close(key);
  sinks.delete(key);
  await (await folder())?.removeEntry(key).catch(() => undefined);
}

async function sweep(keep: readonly string[]): Promise<void> {
  const place = await folder();
  if (!place) return;
  const names: string[] = [];
  for await (const name of (place as unknown as { keys(): AsyncIterable<string> }).keys()) names.push(name);
  for (const name of names) if (!keep.includes(name) && !sinks.has(name)) await place.removeEntry(name).catch(() => undefined);
}

async function source(key: string, data: File, offset: number): Promise<string> {
  const hash = await hasher();
  const reader: Reader = { file: data, hash, at: 0 };
  readers.set(key, reader);
  if (!offset) return "";
  while (reader.at < offset) await read(key, offset);
  const saved = hash.save();
  const sha256 = hash.digest("hex");
  hash.load(saved);
  return sha256;
}

async function read(key: string, limit = Infinity): Promise<Uint8Array<ArrayBuffer>> {
  const reader = readers.get(key);
  if (!reader) throw new Failure("browser");
  const end = Math.min(reader.at + BLOCK, limit, reader.file.size);
  let bytes: Uint8Array<ArrayBuffer>;
  try {
    bytes = new Uint8Array(await reader.file.slice(reader.at, end).arrayBuffer());
  } catch {
    throw new Failure("changed"); // the browser refuses to read a file that is not what was chosen
  }
  reader.hash.update(bytes);
  reader.at += bytes.byteLength;
  return bytes;
}

function digest(key: string): string {
  const hash = readers.get(key)?.hash;
  readers.delete(key);
  if (!hash) return "";
  spare.push(hash);
  return hash.digest("hex");
}

async function obey(order: Order): Promise<unknown> {
  switch (order.do) {
    case "open":
      return open(order.key, order.size);
    case "append":
      return append(order.key, order.bytes);
    case "clear":
      return clear(order.key);
    case "finish":
      return finish(order.key);
    case "release":
      return close(order.key);
    case "file":
      return file(order.key);
    case "remove":
      return remove(order.key);
    case "sweep":
      return sweep(order.keep);
    case "source":
      return source(order.key, order.file, order.offset);
    case "read":
      return read(order.key);
    case "digest":
      return digest(order.key);
  }
}

const codeOf = (error: unknown): string => {
  if (error instanceof Failure) return error.message;
  return error instanceof DOMException && error.name === "QuotaExceededError" ? "no-space" : "browser";
};

let last: Promise<unknown> = Promise.resolve();

self.onmessage = (event: MessageEvent<{ id: number; order: Order }>) => {
  const { id, order } = event.data;
  // One after the other: two orders for one file must not meet.
  last = last.then(async () => {
    try {
      const value = await obey(order);
      const moved = value instanceof Uint8Array ? [value.buffer] : [];
      self.postMessage({ id, value } satisfies Answer, { transfer: moved });
    } catch (error) {
      self.postMessage({ id, code: codeOf(error) } satisfies Answer);
    }
  });
};
