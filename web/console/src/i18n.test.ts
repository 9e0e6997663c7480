import { afterEach, describe, expect, it } from "vitest";
import { currentLanguage, loadLanguage, t, tn, useCatalog } from "./i18n";

afterEach(() => useCatalog("en", {}));

describe("texts", () => {
  it("are English without a catalog, with values filled in", () => {
    expect(t("Signed in as {name}", { name: "{n}" })).toBe("Signed in as {n}");
    expect(t("{unknown} stays")).toBe("{unknown} stays");
    expect([0, 1, 2].map((n) => tn("{n} item", "{n} items", n))).toEqual(["0 items", "1 item", "2 items"]);
  });

  it("come from the catalog; what is missing or empty stays English", () => {
    useCatalog("de", { "": { zeroIsOne: false }, Send: "Senden", Close: "", "{n} item": ["{n} Eintrag", "{n} Einträge"] });
    expect([t("Send"), t("Close"), t("Jump")]).toEqual(["Senden", "Close", "Jump"]);
    expect([0, 1, 2].map((n) => tn("{n} item", "{n} items", n))).toEqual(["0 Einträge", "1 Eintrag", "2 Einträge"]);
  });

  it("count nothing as one where the language does", () => {
    useCatalog("fr", { "": { zeroIsOne: true }, "{n} item": ["{n} élément", "{n} éléments"] });
    expect([0, 2].map((n) => tn("{n} item", "{n} items", n))).toEqual(["0 élément", "2 éléments"]);
  });

  it("of a language that nobody translated are English", async () => {
    await loadLanguage("xx-YY");
    expect([currentLanguage(), t("Send")]).toEqual(["en", "Send"]);
  });
});
