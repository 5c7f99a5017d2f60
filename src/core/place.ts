/**
 * Writes a path as rules name it, by its spelling alone: from the root of the checkout, without "." and ".."; absolute where
 * it leads out of the checkout, and "" for its root.
 */
export function relativePlace(checkout: string, path: string): string {
  const parts: string[] = [];
  for (const part of `${path.startsWith("/") ? "" : `${checkout}/`}${path}`.split("/")) {
    if (part === "..") parts.pop();
    else if (part !== "" && part !== ".") parts.push(part);
  }
  const whole = `/${parts.join("/")}`;
  if (whole === checkout) return "";
  return whole.startsWith(`${checkout}/`) ? whole.slice(checkout.length + 1) : whole;
}
