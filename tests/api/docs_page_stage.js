// A stage for the documentation page: just enough of a browser to draw it, open every operation and send every form. Prints what it saw as JSON.
"use strict";
const fs = require("fs");
const [script, documentPath] = process.argv.slice(2);

function chosen(elements, wanted) {
  const tag = wanted.split(" ").pop().replace(":not([hidden])", "");
  return elements.filter((each) => each.tag === tag && !(wanted.endsWith(":not([hidden])") && each.hidden));
}

class Element {
  constructor(tag) {
    Object.assign(this, { tag, children: [], attributes: {}, dataset: {}, listeners: {}, className: "", textContent: "", value: "", hidden: false, open: false, id: "" });
  }
  get firstChild() { return this.children[0]; }
  set innerHTML(_) { throw new Error("text is only ever inserted as text"); }
  addEventListener(name, listener) { this.listeners[name] = listener; }
  append(...more) { this.children.push(...more); }
  setAttribute(name, value) { this.attributes[name] = value; }
  scrollIntoView() {}
  all() { return this.children.flatMap((each) => (each instanceof Element ? [each, ...each.all()] : [])); }
  querySelector(wanted) { return chosen(this.all(), wanted)[0] || null; }
}

const named = {};
for (const id of ["filter", "token", "theme", "settings", "version", "about", "operations", "index", "trouble", "none"]) {
  named[id] = new Element("div");
  named[id].id = id;
}
const everything = () => Object.values(named).flatMap((each) => [each, ...each.all()]);
const sent = [];
global.document = {
  createElement: (tag) => new Element(tag),
  getElementById: (id) => everything().find((each) => each.id === id),
  querySelectorAll: (wanted) => chosen(everything(), wanted),
  querySelector: (wanted) => chosen(everything(), wanted)[0] || null,
  documentElement: new Element("html"),
};
global.location = { hash: "", origin: "http://localhost:8000" };
global.matchMedia = () => ({ matches: false });
global.fetch = async (url, how) => {
  if (how && how.method) sent.push({ url, method: how.method, headers: how.headers, body: how.body, credentials: how.credentials });
  return { ok: true, status: 200, headers: { get: () => null }, text: async () => "<b>hostile</b>", json: async () => JSON.parse(fs.readFileSync(documentPath)) };
};
(0, eval)(fs.readFileSync(script, "utf8"));
setImmediate(() => setTimeout(async () => {
  named.token.listeners.input({ target: { value: " canary-token " } });
  const articles = document.querySelectorAll("article");
  for (const article of articles) {
    const details = article.querySelector("details");
    details.open = true;
    details.listeners.toggle();
    await article.all().find((each) => each.tag === "form").listeners.submit({ preventDefault() {} });
  }
  named.theme.listeners.click();
  named.filter.value = "envelope";
  named.filter.listeners.input();
  const shown = articles.filter((each) => !each.hidden).map((each) => each.id);
  const groups = document.querySelectorAll("nav section").filter((each) => !each.hidden).length;
  const none = [named.none.hidden];
  named.filter.value = "zzzz";
  named.filter.listeners.input();
  none.push(named.none.hidden);
  const answers = articles.map((each) => each.all().filter((inner) => inner.tag === "pre").map((inner) => inner.textContent));
  console.log(JSON.stringify({ drawn: articles.map((each) => each.id), trouble: named.trouble.textContent, sent, shown, groups, none, answers, theme: document.documentElement.dataset.theme }));
}, 20));
