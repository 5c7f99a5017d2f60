import { monthOf } from "../vendor/tinydates/index.js";
import { parseCsv } from "./csv.js";

/** Sums the column `amount` by month, oldest month first. */
export function monthlyTotals(csv) {
  const [header = [], ...rows] = parseCsv(csv);
  const date = header.indexOf("date");
  const amount = header.indexOf("amount");
  if (date < 0 || amount < 0) throw new Error("the first line needs the columns date and amount");
  const cents = new Map();
  for (const row of rows) {
    const month = monthOf(row[date]);
    cents.set(month, (cents.get(month) ?? 0) + Math.round(Number(row[amount]) * 100));
  }
  return [...cents].sort(([a], [b]) => (a < b ? -1 : 1)).map(([month, sum]) => ({ month, total: sum / 100 }));
}
