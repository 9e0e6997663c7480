import { expect, it } from "vitest";
import { Attention, type News, type Page } from "./attention";

class FakePage implements Page {
  title = "Site";
  hidden = true;
  permission: NotificationPermission | null = "default";
  readonly told: string[] = [];
  ask = (): Promise<NotificationPermission> => Promise.resolve((this.permission = "granted"));
  notify = (news: News): void => void this.told.push(news.id);
}

const news = (id: string): News => ({ id, title: id, text: "", open: () => undefined });

it("counts in the title, and notifies once, while nobody looks and where it is allowed", async () => {
  const page = new FakePage();
  const attention = new Attention(page);
  attention.tell(2, news("a"));
  expect([page.title, page.told]).toEqual(["(2) Site", []]);
  await attention.ask();
  expect(attention.askable).toBe(false);
  attention.tell(2, news("b"));
  attention.tell(3, news("b"));
  expect(page.told).toEqual(["b"]);
  page.hidden = false;
  attention.tell(4, news("c"));
  page.hidden = true;
  attention.tell(4, news("c"));
  attention.tell(0, null);
  expect([page.title, page.told]).toEqual(["Site", ["b"]]);
});

it("asks nobody where the browser has no notifications", () => {
  const page = new FakePage();
  page.permission = null;
  expect(new Attention(page).askable).toBe(false);
});
