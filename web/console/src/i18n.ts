/**
 * Why: every text for people goes through here. English in the code is the source; the catalog of the page's language
 * is loaded once, before the first text is asked for.
 * Rules: `t` and `tn` get literals (tools/catalogs.py finds them); values go in by {name}, never by joining texts.
 */
type Values = Readonly<Record<string, string | number>>;
type Catalog = Readonly<Record<string, string | readonly string[] | Readonly<Record<string, unknown>>>>;

const files = import.meta.glob<{ default: Catalog }>("./generated/catalogs/*.json");

let catalog: Catalog = {};
let zeroIsOne = false;
let language = "en";

const filled = (text: string, values?: Values): string =>
  values ? text.replace(/\{(\w+)\}/g, (whole, name: string) => (name in values ? String(values[name]) : whole)) : text;

/** Load the catalog of a language; a language without one is shown in English. */
export async function loadLanguage(wanted: string): Promise<void> {
  const short = wanted.toLowerCase().split("-")[0] ?? "en";
  const load = files[`./generated/catalogs/${short}.json`];
  if (short !== "en" && load) useCatalog(short, (await load()).default);
  else useCatalog("en", {});
}

/** Use this catalog from now on. */
export function useCatalog(name: string, texts: Catalog): void {
  language = name;
  catalog = texts;
  const head = texts[""];
  zeroIsOne = typeof head === "object" && !Array.isArray(head) && (head as { zeroIsOne?: unknown }).zeroIsOne === true;
}

/** The language that texts, dates and numbers are shown in. */
export const currentLanguage = (): string => language;

/** A text with {names} filled in. */
export function t(text: string, values?: Values): string {
  const found = catalog[text];
  return filled(typeof found === "string" && found ? found : text, values);
}

/** A text with a number, which is also there as {n}. */
export function tn(one: string, many: string, n: number, values?: Values): string {
  const isOne = n === 1 || (n === 0 && zeroIsOne);
  const found = catalog[one];
  const text = Array.isArray(found) ? found[isOne ? 0 : 1] : undefined;
  return filled(typeof text === "string" && text ? text : isOne ? one : many, { n, ...values });
}
