import assert from "node:assert/strict";
import { test } from "node:test";
import { parseCsv } from "../src/csv.js";
import { monthlyTotals } from "../src/report.js";

test("a quoted field keeps its commas and line breaks", () => {
  assert.deepEqual(parseCsv('a,"b, c\nd"\r\n1,2\n'), [
    ["a", "b, c\nd"],
    ["1", "2"],
  ]);
});

test("a doubled quote inside quotes is one quote", () => {
  assert.deepEqual(parseCsv('1,"the ""Fish"" bar",2\n'), [["1", 'the "Fish" bar', "2"]]);
});

test("amounts are summed by month, oldest first", () => {
  const csv = 'date,payee,amount\n2026-04-02,Rent,-900\n2026-03-01,"Fish, Chips & Co",-12.50\n2026-03-31,Pay,2000.10\n';
  assert.deepEqual(monthlyTotals(csv), [
    { month: "2026-03", total: 1987.6 },
    { month: "2026-04", total: -900 },
  ]);
});

test("a day that the calendar lacks is refused", () => {
  assert.throws(() => monthlyTotals("date,amount\n2026-02-30,1\n"), /not a date: 2026-02-30/);
});
