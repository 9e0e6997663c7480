/** Why: points in time and spans as people read them, in the page's language and the browser's time zone. */
import { currentLanguage } from "./i18n";

/** Gives the formatter of the current language. One is made for each: to make one costs more than a hundred uses. */
function made<Formatter>(make: (language: string) => Formatter): () => Formatter {
  const known = new Map<string, Formatter>();
  return () => {
    const language = currentLanguage();
    const formatter = known.get(language) ?? make(language);
    known.set(language, formatter);
    return formatter;
  };
}

const dates = made((language) => new Intl.DateTimeFormat(language, { dateStyle: "medium", timeStyle: "short" }));
const clocks = made((language) => new Intl.DateTimeFormat(language, { timeStyle: "medium" }));
type Unit = "day" | "hour" | "minute";
const units = (unitDisplay: "short" | "long"): Record<Unit, () => Intl.NumberFormat> => {
  const of = (unit: Unit): (() => Intl.NumberFormat) =>
    made((language) => new Intl.NumberFormat(language, { style: "unit", unit, unitDisplay }));
  return { day: of("day"), hour: of("hour"), minute: of("minute") };
};
const spans = { short: units("short"), long: units("long") };

export const dateTime = (ms: number): string => dates().format(ms);
export const clockTime = (ms: number): string => clocks().format(ms);

/** A running clock: 0:07, 12:30, 3:04:05. */
export function stopwatch(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  const two = (n: number): string => String(n).padStart(2, "0");
  const [hours, minutes] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60];
  return hours ? `${hours}:${two(minutes)}:${two(seconds % 60)}` : `${minutes}:${two(seconds % 60)}`;
}

/** A span in its two largest units: 3 min, 2 hr 5 min, 4 days 1 hr. */
export function span(ms: number, unitDisplay: "short" | "long" = "short"): string {
  const minutes = Math.max(0, Math.floor(ms / 60_000));
  const parts: [number, Unit][] = [
    [Math.floor(minutes / 1440), "day"],
    [Math.floor(minutes / 60) % 24, "hour"],
    [minutes % 60, "minute"],
  ];
  const first = parts.findIndex(([n]) => n > 0);
  const chosen = first < 0 ? parts.slice(2) : parts.slice(first, first + 2).filter(([n]) => n > 0);
  return chosen.map(([n, unit]) => spans[unitDisplay][unit]().format(n)).join(" ");
}
