import { expect, test } from "vitest";
import { languagesOf, mailto } from "./keymail";

//
test("a message opens whole in the own mail program, whatever stands in it", () => {
  const address = mailto("a+b@example.com", { subject: "Grüße & mehr?", body: "Eins\nzwei #3\r\n100 %" });
  expect(address).toBe(
    "mailto:a%2Bb%40example.com?subject=Gr%C3%BC%C3%9Fe%20%26%20mehr%3F&body=Eins%0D%0Azwei%20%233%0D%0A100%20%25",
  );
});

test("the language of the page is the first choice", () => {
  expect(languagesOf(["de", "en", "nl"]).map(([code]) => code)).toEqual(["en", "de", "nl"]);
  expect(languagesOf(["de", "nl"])).toEqual([
    ["de", "German"],
    ["nl", "Dutch"],
  ]);
});
