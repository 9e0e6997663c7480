/** Why: sizes, rates and times left, in the words of the reader's language. */
import { currentLanguage } from "./i18n";

const UNITS = ["byte", "kilobyte", "megabyte", "gigabyte", "terabyte"] as const;

/** A number of bytes for people: 1.5 MB. */
export function bytes(size: number): string {
  let unit = 0;
  let value = size;
  while (value >= 1000 && unit < UNITS.length - 1) {
    value /= 1000;
    unit++;
  }
  const style = { style: "unit", unit: UNITS[unit], unitDisplay: "short", maximumFractionDigits: value < 10 && unit ? 1 : 0 };
  return new Intl.NumberFormat(currentLanguage(), style as Intl.NumberFormatOptions).format(value);
}

/** Seconds for people: 2:05, 1:00:00. */
export function duration(seconds: number): string {
  const whole = Math.max(0, Math.ceil(seconds));
  const parts = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  const shown = parts[0] ? parts : parts.slice(1);
  return shown.map((part, at) => (at ? String(part).padStart(2, "0") : String(part))).join(":");
}
