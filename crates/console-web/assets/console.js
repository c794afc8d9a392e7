// What HTML cannot do alone: copying, dialogs, secrets that are shown once, the reader's own time, live parts. Every page works
// without this; nothing here knows which page it is on.
'use strict';

const HTML = { headers: { Accept: 'text/html' }, credentials: 'same-origin', cache: 'no-store' };
const LIVE_MS = 1500;
const LIVE_MISSES = 4;

// ── Times ──

const FORMS = {
  full: { dateStyle: 'medium', timeStyle: 'medium' },
  time: { hour: '2-digit', minute: '2-digit' },
  date: { day: 'numeric', month: 'short' },
};

function localise(root) {
  const write = (element, instant, form) => {
    const at = new Date(instant);
    if (!Number.isNaN(at.valueOf())) element.textContent = new Intl.DateTimeFormat(undefined, FORMS[form] ?? FORMS.full).format(at);
  };
  root.querySelectorAll('time[datetime]:not([data-relative])').forEach((one) => write(one, one.dateTime, 'full'));
  root.querySelectorAll('text[data-time]').forEach((one) => write(one, one.dataset.time, one.dataset.form));
}

// ── Telling those who do not see the screen ──

function announce(text, near) {
  // What lies outside an open dialog is not heard.
  const region = near.closest('dialog')?.querySelector('[role="status"].announcer') ?? document.getElementById('announcer');
  if (!region) return;
  region.textContent = '';
  setTimeout(() => { region.textContent = text; }, 50);
}

// ── Copying ──

async function copy(button) {
  const source = button.closest('.copyable')?.querySelector('[data-text]');
  if (!source) return;
  let isCopied = false;
  try {
    await navigator.clipboard.writeText(source.textContent);
    isCopied = true;
  } catch {
    // A page that came without TLS has no clipboard: the older way needs a selection.
    getSelection().selectAllChildren(source);
    isCopied = document.execCommand('copy');
  }
  const label = button.dataset.label ??= button.textContent;
  button.textContent = isCopied ? 'Copied' : 'Press Ctrl+C';
  announce(isCopied ? 'Copied' : 'The text is selected: copy it with the keyboard', button);
  clearTimeout(button.revert);
  button.revert = setTimeout(() => { button.textContent = label; }, 2000);
}

// ── Dialogs ──

async function fetchPage(address, options) {
  const answer = await fetch(address, { ...HTML, ...options });
  const page = new DOMParser().parseFromString(await answer.text(), 'text/html');
  return { answer, page };
}

let dialogs = 0;

// Ids of the panel must not meet those of the page that it is shown in.
function rename(panel, prefix) {
  panel.querySelectorAll('[id]').forEach((one) => { one.id = prefix + one.id; });
  for (const name of ['for', 'aria-labelledby', 'aria-describedby']) {
    for (const one of [panel, ...panel.querySelectorAll(`[${name}]`)]) {
      const ids = one.getAttribute(name);
      if (ids) one.setAttribute(name, ids.split(/\s+/).map((id) => prefix + id).join(' '));
    }
  }
  panel.querySelectorAll('a[href^="#"]').forEach((one) => one.setAttribute('href', `#${prefix}${one.getAttribute('href').slice(1)}`));
}

function show(panel, opener) {
  const dialog = document.createElement('dialog');
  const adopted = document.adoptNode(panel);
  rename(adopted, `dialog${dialogs += 1}-`);
  localise(adopted);
  const heard = document.createElement('p');
  heard.className = 'visually-hidden announcer';
  heard.setAttribute('role', 'status');
  dialog.append(adopted, heard);
  dialog.setAttribute('aria-labelledby', adopted.getAttribute('aria-labelledby') ?? '');
  adopted.removeAttribute('aria-labelledby');
  const isSecret = adopted.hasAttribute('data-secret');
  const { done } = adopted.dataset;
  // What is gone for good is not closed by a slip of the finger; a second Escape closes it all the same.
  if (isSecret) dialog.addEventListener('cancel', (event) => event.preventDefault(), { once: true });
  dialog.addEventListener('close', () => {
    dialog.remove();
    if (isSecret) location.replace(done || location.pathname);
    else opener?.focus();
  });
  dialog.opener = opener;
  document.body.append(dialog);
  dialog.showModal();
  const first = dialog.querySelector('[data-faults], [data-copies], input:not([type="hidden"]), textarea, select, button');
  first?.focus();
  return dialog;
}

async function open(link) {
  if (link.ariaBusy === 'true') return;
  link.ariaBusy = 'true';
  try {
    const { answer, page } = await fetchPage(link.href);
    const panel = page.querySelector('[data-panel]');
    if (!answer.ok || answer.redirected || !panel) location.assign(link.href);
    else show(panel, link);
  } catch {
    location.assign(link.href);
  }
  link.ariaBusy = null;
}

// ── Secrets that are shown once ──

function fill(form, submitter) {
  const data = new FormData(form);
  if (submitter?.name) data.append(submitter.name, submitter.value);
  return new URLSearchParams(data);
}

// The answer was lost, and perhaps not the deed: done again, it would be done twice.
function unsure(form) {
  busy(form, false);
  const text = 'No answer came. It may have been done all the same: load the page anew and look before you try again.';
  let said = form.querySelector('.notice.unsure');
  if (!said) {
    said = document.createElement('p');
    said.className = 'notice warning unsure';
    form.append(said);
  }
  said.textContent = text;
  announce(text, form);
}

// The answer is in no history: neither its address nor its text outlives the dialog.
async function reveal(form, submitter) {
  const body = fill(form, submitter);
  busy(form, true);
  let answer, page;
  try {
    ({ answer, page } = await fetchPage(form.action, { method: 'POST', body }));
  } catch {
    unsure(form);
    return;
  }
  // A proxy's answer tells nothing of what the server has done.
  if (answer.status >= 500 || !page.querySelector('main')) { unsure(form); return; }
  const dialog = form.closest('dialog');
  const panel = page.querySelector('[data-panel]');
  if (panel?.hasAttribute('data-secret')) {
    dialog?.remove();
    form.reset();
    show(panel, null);
  } else if (answer.redirected) {
    location.assign(answer.url);
  } else if (dialog && panel) {
    dialog.remove();
    show(panel, dialog.opener);
  } else {
    const main = document.querySelector('main');
    dialog?.remove();
    main.replaceChildren(...document.adoptNode(page.querySelector('main') ?? page.body).childNodes);
    localise(main);
    (main.querySelector('[data-faults]') ?? main).focus();
  }
}

// ── Forms under way ──

function busy(form, isBusy) {
  form.toggleAttribute('aria-busy', false);
  if (isBusy) form.setAttribute('aria-busy', 'true');
  form.querySelectorAll('button[type="submit"]').forEach((button) => { button.disabled = isBusy; });
}

// ── Lines ──

// The line of a text area that a fault is in.
function goToLine(link) {
  const area = document.querySelector(link.getAttribute('href'));
  if (!(area instanceof HTMLTextAreaElement)) return;
  const lines = area.value.split('\n');
  const number = Number(link.dataset.line);
  const start = lines.slice(0, number - 1).reduce((sum, line) => sum + line.length + 1, 0);
  area.focus();
  area.setSelectionRange(start, start + (lines[number - 1] ?? '').length);
}

// ── Live parts ──

// An element with an id and `data-live` is replaced by the one of that id at the address, until the answer's is not live any more.
function follow(id, misses = 0) {
  setTimeout(async () => {
    const part = document.getElementById(id);
    if (!part?.dataset.live) return;
    if (document.hidden) { follow(id, misses); return; }
    try {
      const { answer, page } = await fetchPage(part.dataset.live);
      const fresh = page.getElementById(id);
      if (!answer.ok || !fresh) throw new Error('no such part');
      const focused = part.contains(document.activeElement) ? document.activeElement : null;
      const place = focused && [...part.querySelectorAll('a, button, summary')].indexOf(focused);
      const adopted = document.adoptNode(fresh);
      part.querySelectorAll('details[open][id]').forEach((one) => { const same = adopted.querySelector(`#${one.id}`); if (same) same.open = true; });
      localise(adopted);
      part.replaceWith(adopted);
      if (focused) (adopted.querySelectorAll('a, button, summary')[place] ?? document.querySelector('main')).focus();
      if (adopted.dataset.live) follow(id);
      else announce(adopted.dataset.said ?? 'Finished', adopted);
    } catch {
      if (misses + 1 < LIVE_MISSES) { follow(id, misses + 1); return; }
      announce('The server could not be reached. Refresh the page to see where it stands.', part);
    }
  }, LIVE_MS);
}

// ── What people do ──

document.addEventListener('click', (event) => {
  const isPlain = event.button === 0 && !event.ctrlKey && !event.metaKey && !event.shiftKey && !event.altKey;
  const target = event.target.closest('[data-copies], a[data-opens], [data-closes], a[data-line]');
  document.querySelectorAll('details.menu[open]').forEach((menu) => { if (!menu.contains(event.target)) menu.open = false; });
  if (!target || !isPlain) return;
  const dialog = target.closest('dialog');
  if (target.matches('[data-copies]')) copy(target);
  else if (target.matches('[data-opens]')) { event.preventDefault(); open(target); }
  else if (target.matches('[data-line]')) { event.preventDefault(); goToLine(target); }
  else if (dialog) { event.preventDefault(); dialog.close(); }
});

document.addEventListener('keydown', (event) => {
  const menu = event.key === 'Escape' && event.target.closest?.('details.menu[open]');
  if (menu) { menu.open = false; menu.querySelector('summary').focus(); }
});

document.addEventListener('submit', (event) => {
  const form = event.target;
  if (form.getAttribute('aria-busy') === 'true') { event.preventDefault(); return; }
  if (form.matches('[data-reveals]')) { event.preventDefault(); reveal(form, event.submitter); return; }
  // Only once the browser has read the form: a disabled button is not sent.
  if (form.method === 'post') setTimeout(() => busy(form, true));
});

// A page that comes back from the browser's memory is not under way any more.
addEventListener('pageshow', (event) => {
  if (event.persisted) document.querySelectorAll('form[aria-busy]').forEach((form) => busy(form, false));
});

localise(document);
document.querySelectorAll('[data-live][id]').forEach((part) => follow(part.id));
document.querySelector('[data-faults]')?.focus();
