// @vitest-environment happy-dom
import { expect, it } from "vitest";
import { letStylesThrough, pageNonce } from "./csp";

it("style elements get the page's nonce, and style attributes become properties", () => {
  document.head.innerHTML = '<meta name="csp-nonce" content="once">';
  letStylesThrough();
  letStylesThrough();
  expect(pageNonce()).toBe("once");
  expect(document.createElement("style").nonce).toBe("once");
  expect(document.createElement("p").nonce || "").toBe("");
  const span = document.createElement("span");
  span.setAttribute("style", "color: red");
  span.setAttribute("title", "kept");
  expect([span.style.color, span.title]).toEqual(["red", "kept"]);
});
