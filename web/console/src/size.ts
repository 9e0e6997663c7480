/** Why: sizes, rates and times left, in the words of the reader's language. */
import { currentLanguage } from "./i18n";

const UNITS = ["byte", "kilobyte", "megabyte", "gigabyte", "terabyte"] as const;

/** A number of bytes for people, three digits at most: `1.5 kB`, `4.2 MB`. */
export function bytes(size: number): string {
  let [value, at] = [size, 0];
  while (value >= 999.5 && at < UNITS.length - 1) [value, at] = [value / 1000, at + 1];
  const form = { style: "unit", unit: UNITS[at]!, unitDisplay: at ? "short" : "long", maximumSignificantDigits: 3 } as const;
  return new Intl.NumberFormat(currentLanguage(), form).format(value);
}

/** Seconds for people: 2:05, 1:00:00. */
export function duration(seconds: number): string {
  const whole = Math.max(0, Math.ceil(seconds));
  const parts = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  const shown = parts[0] ? parts : parts.slice(1);
  return shown.map((part, at) => (at ? String(part).padStart(2, "0") : String(part))).join(":");
}
