/** Why: an invitation as the person's own mail program takes it (RFC 6068), and the languages to choose from. */
import { currentLanguage } from "../i18n";

/** The address that opens the own mail program with a message; lines end as in messages. */
export function mailto(to: string, { subject, body }: { readonly subject: string; readonly body: string }): string {
  const lines = body.replaceAll(/\r?\n/g, "\r\n");
  return `mailto:${encodeURIComponent(to)}?subject=${encodeURIComponent(subject)}&body=${encodeURIComponent(lines)}`;
}

/** Languages by their codes, under their names in the language of this page; that one first, where it is there. */
export function languagesOf(codes: readonly string[]): readonly (readonly [string, string])[] {
  const here = currentLanguage();
  const names = new Intl.DisplayNames([here], { type: "language" });
  return codes
    .map((code) => [code, names.of(code) ?? code] as const)
    .toSorted(([a], [b]) => Number(b === here) - Number(a === here));
}
