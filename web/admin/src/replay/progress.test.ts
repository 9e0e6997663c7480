// @vitest-environment happy-dom
import { expect, it } from "vitest";
import { takeOver } from "./progress";

const made = (html: string): HTMLElement => {
  const place = document.createElement("div");
  place.innerHTML = html;
  return place;
};
const job = (id: string, state: string, value: string): string =>
  `<li data-export="${id}" data-state="${state}" data-running="${state === "done" ? "" : "1"}"><progress max="1" value="${value}"></progress>` +
  `<span class="state">${state}</span><button>Cancel</button></li>`;
const verification = (running: string, text: string): string =>
  `<div class="verification" data-running="${running}"><div class="message"><p>${text}</p><progress max="1" value="0.5"></progress></div></div>`;

it("keeps what runs where it is, and replaces what has ended", () => {
  const place = made(`${verification("1", "10 %")}<ul class="exports">${job("a", "running", "0.1")}</ul>`);
  const [button, line] = [place.querySelector("button"), place.querySelector("li")];
  takeOver(place, made(`${verification("1", "50 %")}<ul class="exports">${job("b", "waiting", "0")}${job("a", "running", "0.4")}</ul>`));
  expect(place.querySelector(".message p")?.textContent).toBe("50 %");
  expect([...place.querySelectorAll("li")].map((one) => one.dataset["export"])).toEqual(["b", "a"]);
  expect(place.querySelectorAll("li")[1]).toBe(line);
  expect(place.querySelectorAll("button")[1]).toBe(button);
  expect(line?.querySelector("progress")?.value).toBeCloseTo(0.4);
  takeOver(place, made(`${verification("", "whole")}<ul class="exports">${job("b", "running", "0")}${job("a", "done", "1")}</ul>`));
  expect(place.querySelector(".verification")?.getAttribute("data-running")).toBe("");
  expect([...place.querySelectorAll(".state")].map((one) => one.textContent)).toEqual(["running", "done"]);
});
