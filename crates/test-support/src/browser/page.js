// Finds on a page what a person would: by the words that it shows or that a screen reader says. Called with what is asked and
// for what; answers `[element, null]`, or `[null, what there is instead]`.
const [asked, name, within] = arguments;

const tidy = (text) => (text || "").replace(/\s+/g, " ").trim();
const same = (one, other) => tidy(one).toLowerCase() === tidy(other).toLowerCase();
const shows = (element) => element.checkVisibility({ visibilityProperty: true }) && element.getClientRects().length > 0 && !element.closest("[inert]");

/** What stands in an element, without what is there for the eye alone. */
function words(element) {
  const pieces = [];
  // No tree walker: its filter does not run where the reader has switched scripts off.
  const walk = (node) => {
    if (node.nodeType === Node.TEXT_NODE) pieces.push(node.nodeValue);
    else if (node.nodeType === Node.ELEMENT_NODE && node.getAttribute("aria-hidden") !== "true" && !/^(SCRIPT|STYLE)$/.test(node.tagName)) for (const child of node.childNodes) walk(child);
  };
  for (const child of element.childNodes) walk(child);
  return tidy(pieces.join(" "));
}

function named(element) {
  const ids = (element.getAttribute("aria-labelledby") || "").split(/\s+/).filter(Boolean);
  const labels = ids.map((id) => document.getElementById(id)).filter(Boolean).map(words).join(" ");
  if (tidy(labels)) return tidy(labels);
  if (tidy(element.getAttribute("aria-label"))) return tidy(element.getAttribute("aria-label"));
  if (element.labels && element.labels.length) return tidy(Array.from(element.labels, words).join(" "));
  if (/^(submit|button)$/.test(element.type) && element.tagName === "INPUT") return tidy(element.value);
  return words(element) || tidy(element.title) || tidy(element.getAttribute("placeholder"));
}

const kinds = {
  press: "a[href], button, summary, input[type=submit], input[type=button], input[type=checkbox], input[type=radio], [role=button], [role=tab], [role=switch]",
  field: "input:not([type=hidden], [type=submit], [type=button], [type=checkbox], [type=radio]), textarea, select, [role=textbox]",
};
const places = "tr, li, article, section, fieldset, form, nav, aside, header, footer, main, dialog, figure, details, dd, [role=group], [role=row], [role=region], [role=tabpanel]";
const modal = Array.from(document.querySelectorAll("dialog:modal")).pop();

function all(kind) {
  return Array.from((modal || document).querySelectorAll(kinds[kind])).filter((element) => {
    if (shows(element)) return true;
    // A box that is drawn by its label is pressed there.
    return /^(checkbox|radio)$/.test(element.type || "") && Array.from(element.labels || []).some(shows);
  });
}

/** How far up the nearest place is that is called `within`, or else tells of it; Infinity: there is none. */
function distance(element) {
  let steps = 0, tells = Infinity;
  for (let place = element.parentElement; place; place = place.parentElement) {
    if (!place.matches(places)) continue;
    if (same(named(place), within)) return steps - 100;
    if (words(place).toLowerCase().includes(tidy(within).toLowerCase())) tells = Math.min(tells, steps);
    steps += 1;
  }
  return tells;
}

function find(kind) {
  const there = all(kind);
  const begins = (element) => named(element).toLowerCase().startsWith(tidy(name).toLowerCase());
  let found = there.filter((element) => same(named(element), name));
  if (!found.length) found = there.filter(begins);
  if (within) {
    const nearest = Math.min(...found.map(distance));
    found = nearest === Infinity ? [] : found.filter((element) => distance(element) === nearest);
  }
  if (found.length > 1) {
    const enabled = found.filter((element) => !element.disabled);
    const links = found.filter((element) => element.tagName === "A");
    // Several links to one address are one.
    if (links.length === found.length && new Set(links.map((link) => link.href)).size === 1) return [links[0], null];
    if (enabled.length === 1) return [enabled[0], null];
    return [null, found.length + " of that name: " + found.map((element) => element.outerHTML.slice(0, 120)).join(" | ")];
  }
  if (!found.length) return [null, "there are: " + there.map(named).map((text) => JSON.stringify(text.slice(0, 60))).join(", ")];
  const [element] = found;
  return [shows(element) ? element : Array.from(element.labels).find(shows), null];
}

switch (asked) {
  case "text": return document.body ? document.body.innerText : "";
  case "press": case "field": return find(asked);
  case "option": {
    const [select, missing] = find("field");
    if (!select) return [null, missing];
    const option = Array.from(select.options || []).find((one) => same(one.textContent, within) || same(one.value, within));
    return [option || null, option ? null : "options: " + Array.from(select.options || [], (one) => one.textContent.trim()).join(", ")];
  }
  case "focused": return document.activeElement && document.activeElement !== document.body ? named(document.activeElement) : "";
  // What sticks out to the right; a place that scrolls by itself may hold more than it shows.
  case "overflow": {
    const width = document.documentElement.clientWidth;
    if (document.documentElement.scrollWidth <= width + 1) return [];
    const scrolls = (element) => element && element !== document.documentElement && (/auto|scroll|hidden|clip/.test(getComputedStyle(element).overflowX) || scrolls(element.parentElement));
    return Array.from(document.body.querySelectorAll("*"))
      .filter((element) => element.getBoundingClientRect().right > width + 1 && !scrolls(element.parentElement))
      .slice(0, 5).map((element) => element.outerHTML.slice(0, 160));
  }
}
return null;
