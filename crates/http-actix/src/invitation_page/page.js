"use strict";
(() => {
  const element = (id) => document.getElementById(id);
  const show = (id, shown) => { element(id).hidden = !shown; };

  // The token leaves the address bar, and with it the history, before anything else is done. It lives in this page's memory alone.
  const token = location.hash.slice(1);
  history.replaceState(null, "", location.pathname + location.search);
  // A link that is opened in this tab while the page is shown changes nothing but what stands after the #.
  addEventListener("hashchange", () => { if (location.hash.length > 1) location.reload(); });

  // Relative, so that it is right below whatever path a proxy puts this server.
  const root = location.pathname.replace(/invitations\/?$/, "");
  element("console").href = root;
  element("docs").href = root + "docs/";
  let csrfToken = null;

  async function ask(path, body) {
    const headers = { "Accept": "application/json" };
    if (body) headers["Content-Type"] = "application/json";
    if (csrfToken) headers["X-CSRF-Token"] = csrfToken;
    const asked = { method: body ? "POST" : "GET", headers, credentials: "same-origin", cache: "no-store", redirect: "error" };
    if (body) asked.body = JSON.stringify(body);
    let response;
    try {
      response = await fetch(root + path, asked);
    } catch {
      throw new Error("The server did not answer. Look whether you are connected, and try again.");
    }
    const answer = await response.json().catch(() => null);
    if (response.ok && answer) return answer;
    const refused = new Error(answer && answer.detail ? sentence(answer.detail) : "The server answered " + response.status + ".");
    refused.status = response.status;
    refused.code = answer ? answer.code : null;
    refused.errors = answer && Array.isArray(answer.errors) ? answer.errors : [];
    refused.retryAfter = response.headers.get("Retry-After");
    throw refused;
  }

  const sentence = (text) => text.charAt(0).toUpperCase() + text.slice(1) + (/[.!?]$/.test(text) ? "" : ".");

  function tell(refused) {
    const place = element("told");
    place.textContent = "";
    for (const field of ["username", "password"]) element(field).removeAttribute("aria-invalid");
    if (!refused) return;
    const faults = (refused.errors || []).filter((error) => error.attr);
    const lines = faults.length > 1 ? faults.map((error) => sentence(error.detail)) : [refused.message];
    if (refused.status === 429 && refused.retryAfter) lines.push("Try again in " + refused.retryAfter + " seconds.");
    for (const line of lines) {
      const paragraph = document.createElement("p");
      paragraph.className = "problem";
      paragraph.textContent = line;
      place.append(paragraph);
    }
    const wrong = faults.map((error) => error.attr.slice(1)).filter((field) => field === "username" || field === "password");
    for (const field of wrong) element(field).setAttribute("aria-invalid", "true");
    if (wrong.length) element(wrong[0]).focus();
  }

  /** Only while it can still be accepted is there something to fill in. */
  const isOver = (refused) => refused.status === 410 || refused.code === "invitation_not_found";

  function describe(invitation) {
    const name = invitation.organization === invitation.slug
      ? invitation.slug : invitation.organization + " (" + invitation.slug + ")";
    element("title").textContent = "Join " + invitation.organization;
    document.title = "Join " + invitation.organization;
    element("organization").textContent = name;
    element("joined").textContent = name;
    element("role").textContent = invitation.role === "admin" ? "an administrator" : "a user";
    element("invited-by").textContent = invitation.invited_by;
    element("email").textContent = invitation.email;
    element("expires").textContent = new Date(invitation.expires_at).toLocaleString(undefined, { dateStyle: "long", timeStyle: "short" });
  }

  async function accept(button, body) {
    tell(null);
    button.disabled = true;
    try {
      const session = await ask("v1/invitations/accept", body);
      element("name").textContent = session.user.username;
      element("password").value = "";
      show("invited", false);
      show("done", true);
      element("title").textContent = "Welcome";
      element("title").focus();
    } catch (refused) {
      if (isOver(refused)) show("invited", false);
      tell(refused);
    } finally {
      button.disabled = false;
    }
  }

  async function start() {
    if (!token) {
      show("waiting", false);
      tell(new Error("This is the page of an invitation's link, and the link is not whole. Open it again from where you got it."));
      return;
    }
    try {
      describe(await ask("v1/invitations/show", { token }));
    } catch (refused) {
      show("waiting", false);
      tell(refused);
      return;
    }
    // Whoever is logged in may join as they are. Without a session the server says so, which is no fault here.
    const session = await ask("v1/session").catch(() => null);
    if (session) {
      csrfToken = session.csrf_token;
      element("join").textContent = "Join as " + session.user.username;
      show("session", true);
      show("account", false);
    }
    show("waiting", false);
    show("invited", true);
  }

  element("join").addEventListener("click", () => accept(element("join"), { token }));
  element("other").addEventListener("click", () => {
    csrfToken = null;
    tell(null);
    show("session", false);
    show("account", true);
    element("username").focus();
  });
  element("show").addEventListener("change", () => { element("password").type = element("show").checked ? "text" : "password"; });
  element("account").addEventListener("submit", (event) => {
    event.preventDefault();
    accept(element("accept"), { token, username: element("username").value.trim(), password: element("password").value });
  });
  start();
})();
