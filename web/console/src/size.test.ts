import { expect, it } from "vitest";
import { bytes } from "./size";

it.each([
  [0, "0 bytes"],
  [999, "999 bytes"],
  [1000, "1 kB"],
  [999_949, "1 MB"],
  [1234, "1.23 kB"],
  [4_194_304, "4.19 MB"],
  [5e12, "5 TB"],
])("%i is %s", (size, text) => expect(bytes(size)).toBe(text));
