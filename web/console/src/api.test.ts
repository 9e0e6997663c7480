// @vitest-environment happy-dom
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { api } from "./api";
import { Final } from "./live/socket";

const answer = (status: number, body: unknown): Response => new Response(JSON.stringify(body), { status });

describe("the console's requests", () => {
  const fetched = vi.fn<typeof fetch>();
  const ZONE = Intl.DateTimeFormat().resolvedOptions().timeZone;
  beforeEach(() => {
    fetched.mockReset();
    vi.stubGlobal("fetch", fetched);
    document.head.innerHTML = '<meta name="csrf-token" content="token-of-the-page">';
  });
  afterEach(() => vi.unstubAllGlobals());

  it("carry the page's token, and JSON", async () => {
    fetched.mockResolvedValue(answer(200, { key: "1" }));
    await api.sessionKey(600, "");
    const [path, options] = fetched.mock.calls[0] ?? [];
    expect(path).toBe("/api/console/session-keys");
    expect(options).toMatchObject({ method: "POST", credentials: "same-origin" });
    expect(JSON.parse(String(options?.body))).toEqual({ lifetime_s: 600, zone: ZONE });
    expect(options?.headers).toMatchObject({ "X-CSRFToken": "token-of-the-page" });
  });

  it("name the portal of a key when it is not the default one", async () => {
    fetched.mockResolvedValue(answer(200, { key: "1" }));
    await api.sessionKey(600, "portal-1");
    const body = JSON.parse(String(fetched.mock.calls[0]?.[1]?.body)) as unknown;
    expect(body).toEqual({ lifetime_s: 600, zone: ZONE, portal_id: "portal-1" });
  });

  it("read without a token", async () => {
    fetched.mockResolvedValue(answer(200, {}));
    await api.snapshot();
    expect(fetched.mock.calls[0]?.[1]?.headers).toEqual({ Accept: "application/json" });
  });

  it.each([
    [409, true],
    [403, true],
    [404, true],
    [429, false],
    [500, false],
    [503, false],
  ])("that are answered with %i are final: %s, in the server's words", async (status, final) => {
    fetched.mockResolvedValue(answer(status, { error: { code: "x", text: "Say why." } }));
    const error: unknown = await api.snapshot().catch((reason: unknown) => reason);
    expect([error instanceof Final, (error as Error).message]).toEqual([final, "Say why."]);
  });

  it.each([401, 403])("lead away from a console that is closed to its user (%i)", async (status) => {
    const assign = vi.fn();
    vi.stubGlobal("location", { assign });
    vi.spyOn(performance, "now").mockReturnValue(60_000);
    fetched.mockImplementation(async () => answer(status, { error: { code: "refused", text: "Switched off." } }));
    await expect(api.snapshot()).rejects.toBeInstanceOf(Final);
    expect(assign).toHaveBeenCalledExactlyOnceWith("/console");
    if (status === 403) {
      await expect(api.jump("x")).rejects.toThrow("Switched off.");
      expect(assign).toHaveBeenCalledTimes(1);
    }
    vi.restoreAllMocks();
  });

  it("that never arrive say so in words", async () => {
    fetched.mockRejectedValue(new TypeError("Failed to fetch"));
    await expect(api.snapshot()).rejects.toThrow("The appliance cannot be reached.");
  });

  it("that are answered by something else than our JSON get a sentence of their own", async () => {
    fetched.mockResolvedValue(new Response("<html>", { status: 502 }));
    await expect(api.snapshot()).rejects.toThrow("(502)");
  });
});
