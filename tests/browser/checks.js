// Looks over the open page as a person with a keyboard, a screen reader or a
// small phone would, and returns the faults as sentences. The body of a
// function: WebDriver wraps it.
const faults = [];
const name = (e) => e.tagName.toLowerCase() + (e.id ? "#" + e.id : "") + (e.className && e.className.split ? "." + e.className.split(" ")[0] : "");
const seen = (e) => e.checkVisibility({ checkOpacity: true, checkVisibilityCSS: true }) && e.getClientRects().length > 0;
const text = (id) => (document.getElementById(id)?.innerText || "").trim();
const spoken = (e) =>
  (e.getAttribute("aria-label") || "").trim() ||
  (e.getAttribute("aria-labelledby") || "").split(/\s+/).map(text).join(" ").trim() ||
  [...(e.labels || [])].map((l) => l.innerText.trim()).join(" ") ||
  (e.innerText || "").trim() ||
  (e.getAttribute("title") || "").trim() ||
  [...e.querySelectorAll("img[alt]")].map((i) => i.alt).join(" ").trim() ||
  (["submit", "button", "reset"].includes(e.type) ? e.value : "");

if (!document.documentElement.lang) faults.push("the page names no language");
if (!document.title.trim()) faults.push("the page has no title");
if (document.querySelectorAll("main, [role=main]").length !== 1) faults.push("the page has not exactly one main part");
if (document.querySelectorAll("h1").length !== 1) faults.push("the page has not exactly one h1");
if (!document.querySelector("meta[name=viewport]")) faults.push("the page does not fit itself to a phone");

let level = 0;
for (const h of document.querySelectorAll("h1,h2,h3,h4,h5,h6")) {
  const at = Number(h.tagName[1]);
  if (level && at > level + 1) faults.push(`${name(h)} skips a heading level`);
  level = at;
}
const ids = new Set();
for (const e of document.querySelectorAll("[id]")) {
  if (ids.has(e.id)) faults.push(`the id ${e.id} is there twice`);
  ids.add(e.id);
}
for (const e of document.querySelectorAll("img:not([alt])")) faults.push(`${name(e)} has no alt text`);
for (const e of document.querySelectorAll("a[href], button, input:not([type=hidden]), select, textarea, summary, [role=button], [tabindex]")) {
  if (!seen(e) || e.disabled) continue;
  if (!spoken(e)) faults.push(`${name(e)} has no name`);
  if (Number(e.getAttribute("tabindex")) > 0) faults.push(`${name(e)} breaks the order of the tab key`);
  const box = e.getBoundingClientRect();
  const inline = e.tagName === "A" && getComputedStyle(e).display === "inline";
  const small = ["checkbox", "radio"].includes(e.type) && e.labels?.length;
  if (!inline && !small && (box.width < 24 || box.height < 24)) faults.push(`${name(e)} is smaller than 24 by 24`);
}
for (const e of document.querySelectorAll("[onclick]")) {
  if (!e.matches("a[href], button, input, select, textarea, summary") && e.tabIndex < 0) faults.push(`${name(e)} can be clicked but not reached with keys`);
}
if (document.documentElement.scrollWidth > innerWidth + 1) faults.push(`the page is ${document.documentElement.scrollWidth} px wide in a window of ${innerWidth}`);

const channel = (v) => ((v /= 255) <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
const light = ([r, g, b]) => 0.2126 * channel(r) + 0.7152 * channel(g) + 0.0722 * channel(b);
const colour = (s) => { const n = s.match(/[\d.]+/g).map(Number); return n.length < 4 ? [...n, 1] : n; };
const over = (top, under) => [0, 1, 2].map((i) => top[i] * top[3] + under[i] * (1 - top[3]));
const behind = (e) => {
  const layers = [];
  for (let at = e; at; at = at.parentElement) {
    const style = getComputedStyle(at);
    // What lies on a picture cannot be judged from the styles.
    if (style.backgroundImage !== "none") return null;
    layers.push(colour(style.backgroundColor));
  }
  return layers.reverse().reduce((under, top) => over(top, under), [255, 255, 255]);
};
for (const e of document.querySelectorAll("body *")) {
  const own = [...e.childNodes].some((n) => n.nodeType === 3 && n.data.trim());
  if (!own || !seen(e) || e.closest("[disabled], [aria-disabled=true], svg, script, style")) continue;
  const style = getComputedStyle(e);
  const back = behind(e);
  if (!back || !style.color.startsWith("rgb")) continue;
  const [a, b] = [light(over(colour(style.color), back)), light(back)].sort((x, y) => y - x);
  const ratio = (a + 0.05) / (b + 0.05);
  const px = parseFloat(style.fontSize);
  const large = px >= 24 || (px >= 18.66 && Number(style.fontWeight) >= 700);
  if (ratio < (large ? 3 : 4.5)) faults.push(`${name(e)} has a contrast of ${ratio.toFixed(2)}: ${e.innerText.trim().slice(0, 30)}`);
}
return faults;
