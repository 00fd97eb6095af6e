// The operator page: redeem the one-time code, then halt, flatten, lift and review by name and reason.
// The token lives in one variable and nowhere else. Texts of the server are shown as text, never as markup.
"use strict";

(() => {
  const byId = (id) => document.getElementById(id);
  const REFRESH_MS = 2000;
  let token = "";
  let known = "";
  let flattens = false;

  function show(id, text) {
    if (byId(id).textContent !== text) byId(id).textContent = text; // a screen reader hears changes only
  }

  function say(text, good) {
    byId("said").textContent = text;
    byId("said").className = good ? "good" : "bad";
  }

  async function ask(method, path, body) {
    const headers = { Accept: "application/json" };
    if (token) headers.Authorization = "Bearer " + token;
    if (body !== undefined) headers["Content-Type"] = "application/json";
    const answer = await fetch(path, {
      method,
      headers,
      body: body === undefined ? undefined : JSON.stringify(body),
      credentials: "omit",
      cache: "no-store",
      redirect: "error",
    });
    const content = await answer.json();
    if (!answer.ok) throw new Error(content.detail.reason);
    return content;
  }

  async function refresh() {
    const session = await ask("GET", "/api/session");
    const open = `${session.open_trades} open ${session.open_trades === 1 ? "trade" : "trades"}`;
    const flattening = session.flattening ? ", flattening" : "";
    if (flattens && !session.flattening) say(session.residual ? `NOT FLAT: ${session.residual}` : "flat, the venue confirms it; entries stay halted", !session.residual);
    flattens = session.flattening;
    const residual = session.residual ? `, NOT FLAT: ${session.residual}` : "";
    show("state", `${session.state}, mode ${session.mode}, ${open}${flattening}${residual}`);
    const lines = session.halts.map((halt) => {
      const line = document.createElement("li");
      line.textContent = `${halt.cause} since ${halt.since}: ${halt.detail} (lifts: ${halt.lifts})`;
      return line;
    });
    byId("halts").replaceChildren(...lines);
    const causes = [...new Set(session.halts.map((halt) => halt.cause))];
    byId("lift").hidden = causes.length === 0;
    if (causes.join() === known) return; // what stands in the list is left alone while somebody chooses
    known = causes.join();
    byId("causes").replaceChildren(...causes.map((cause) => new Option(cause, cause)));
  }

  async function keepFresh() {
    try {
      await refresh();
    } catch (error) {
      show("state", `no news: ${error.message}`);
    }
    setTimeout(keepFresh, REFRESH_MS);
  }

  function guarded(work) {
    return async (event) => {
      event.preventDefault();
      const button = event.target.querySelector ? event.target.querySelector("button") : null;
      if (button) button.disabled = true;
      try {
        await work(event.target);
      } catch (error) {
        say(error.message, false);
      } finally {
        if (button) button.disabled = false;
      }
    };
  }

  function wire(id, path, done) {
    byId(id).addEventListener(
      "submit",
      guarded(async (form) => {
        const body = Object.fromEntries(new FormData(form));
        await ask("POST", path, body);
        form.reset();
        say(done, true);
        await refresh();
      }),
    );
  }

  async function redeem() {
    const given = { code: byId("code").value.trim(), name: byId("name").value.trim() };
    const answer = await ask("POST", "/api/operator/redeem", given);
    token = answer.token;
    byId("code").value = "";
    byId("redeem").hidden = true;
    byId("desk").hidden = false;
    byId("who").textContent = answer.name;
    say("ready", true);
    await keepFresh();
  }

  const found = /^#code=([\w-]+)$/.exec(location.hash);
  if (found) byId("code").value = found[1];
  history.replaceState(null, "", location.pathname); // the code stays neither in the address bar nor in the history
  byId("redeem").addEventListener("submit", guarded(redeem));
  byId("refresh").addEventListener("click", guarded(refresh));
  wire("halt", "/api/halt", "halted: entries are refused, exits stay open");
  wire("flatten", "/api/flatten", "flattening: it goes on by itself until the venue says flat");
  wire("lift", "/api/lift", "lifted");
  wire("review", "/api/review", "review recorded");
})();
