import { expect, test } from "vitest";
import { tokenOf } from "./main";

test("the token is taken from both forms of the address", () => {
  expect(tokenOf("#k=0123456789abcdef0123456789abcdef")).toBe("0123456789abcdef0123456789abcdef");
  expect(tokenOf("#0123456789abcdef0123456789abcdef")).toBe("0123456789abcdef0123456789abcdef");
});

test("other fragments are left alone", () => {
  for (const fragment of ["", "#", "#main", "#k=", "#k=short", "#k=" + "a".repeat(129), "#k=<script>0123456789"]) {
    expect(tokenOf(fragment)).toBe("");
  }
});
