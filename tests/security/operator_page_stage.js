// A stage for operator.js: just enough of a browser to play one visit and print what the page did. Run: node operator_page_stage.js PATH HASH
"use strict";
const fs = require("node:fs");
const vm = require("node:vm");

const elements = {};
function element(id) {
  elements[id] ??= {
    id, value: "", textContent: "", className: "", hidden: id === "desk", children: [], fields: {}, listeners: {},
    addEventListener(kind, listener) { this.listeners[kind] = listener; },
    replaceChildren(...children) { this.children = children; },
    querySelector() { return { disabled: false }; },
    reset() { this.fields = {}; },
  };
  return elements[id];
}

const calls = [];
const answers = {
  "/api/operator/redeem": [200, { token: "the-token", name: "<b>Ada</b>", level: "operate", expires_in_s: 1 }],
  "/api/session": [200, { state: "HALTED", mode: "paper", open_trades: 0, halts: [{ cause: "L4_OPERATOR", since: "t", detail: "<img src=x>", lifts: "x" }] }],
  "/api/lift": [200, {}],
  "/api/review": [400, { detail: { reason: "nothing to review" } }],
};
const shown = [];
const later = [];
const context = {
  document: { getElementById: element, createElement: (tag) => ({ tag, textContent: "" }) },
  location: { hash: process.argv[3], pathname: "/operator" },
  history: { replaceState: (...given) => shown.push(given[2]) },
  Option: function Option(text, value) { this.text = text; this.value = value; },
  FormData: function FormData(form) { return Object.entries(form.fields); },
  fetch: async (path, options) => {
    calls.push({ path, ...options });
    const [status, content] = answers[path];
    return { ok: status < 300, json: async () => content };
  },
  setTimeout: (again, ms) => { later.push([again, ms]); },
  Object, Set, JSON, Error,
};
vm.runInNewContext(fs.readFileSync(process.argv[2], "utf8"), context);

async function submit(id, fields) {
  element(id).fields = fields;
  await element(id).listeners.submit({ preventDefault() {}, target: element(id) });
}

(async () => {
  const code = element("code").value;
  element("name").value = " Ada ";
  await submit("redeem", {});
  await submit("lift", { cause: "L4_OPERATOR", reason: "news is out" });
  const lifted = element("said").textContent;
  const seen = [element("state").textContent, element("lift").hidden];
  const asked = calls.length;
  const halts = element("halts").children.map((line) => line.textContent);
  answers["/api/session"][1] = { state: "HALTED", mode: "paper", open_trades: 1, flattening: true, residual: "", halts: [] };
  await later.shift()[0]();
  seen.push(element("state").textContent, element("lift").hidden);
  answers["/api/session"][1] = { ...answers["/api/session"][1], open_trades: 0, flattening: false };
  await later.shift()[0]();
  seen.push(element("said").textContent);
  calls.length = asked;
  await submit("review", { reason: "both were flushes" });
  console.log(JSON.stringify({
    code, shown, calls, lifted, seen, later: later.map(([, ms]) => ms),
    refused: element("said").textContent,
    who: element("who").textContent,
    halts,
    hidden: [element("redeem").hidden, element("desk").hidden],
    codeAfter: element("code").value,
    globals: Object.keys(context).length,
  }));
})();
