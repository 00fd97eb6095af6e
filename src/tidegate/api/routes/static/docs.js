// The documentation page: draws /openapi.json and sends requests to this server. Text is only ever inserted as text.
"use strict";

const page = { token: "", schemas: {} };

function make(tag, properties, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties || {})) {
    if (name === "class") element.className = value;
    else if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name in element && name !== "list") element[name] = value;
    else element.setAttribute(name, value);
  }
  for (const child of children) if (child !== null && child !== undefined) element.append(child);
  return element;
}

function resolved(schema) {
  if (schema && schema.$ref) return page.schemas[schema.$ref.split("/").pop()] || {};
  return schema || {};
}

function bounds(schema) {
  const parts = [];
  if (schema.exclusiveMinimum !== undefined) parts.push("> " + schema.exclusiveMinimum);
  if (schema.minimum !== undefined) parts.push(">= " + schema.minimum);
  if (schema.maximum !== undefined) parts.push("<= " + schema.maximum);
  if (schema.maxLength !== undefined) parts.push("at most " + schema.maxLength + " characters");
  if (schema.maxItems !== undefined) parts.push("at most " + schema.maxItems);
  return parts.length ? " (" + parts.join(", ") + ")" : "";
}

function typeText(given) {
  if (given && given.$ref && (page.schemas[given.$ref.split("/").pop()] || {}).enum === undefined) return given.$ref.split("/").pop();
  const schema = resolved(given);
  if (schema.enum) return schema.enum.map(String).join(" | ");
  if (schema.const !== undefined) return String(schema.const);
  if (schema.anyOf) return schema.anyOf.map(typeText).join(" or ");
  if (schema.prefixItems) return "[" + schema.prefixItems.map(typeText).join(", ") + "]";
  if (schema.type === "array") return "list of " + typeText(schema.items) + bounds(schema);
  return [].concat(schema.type || "anything").join(" or ") + (schema.format ? " " + schema.format : "") + bounds(schema);
}

function fields(given, depth) {
  let schema = resolved(given);
  if (schema.anyOf) schema = resolved(schema.anyOf.find((each) => each.type !== "null"));
  if (schema.type === "array") return fields(schema.items, depth);
  if (!schema.properties) return null;
  const required = new Set(schema.required || []);
  const table = make("table", {}, make("thead", {}, make("tr", {}, make("th", { textContent: "field" }), make("th", { textContent: "type" }), make("th", { textContent: "meaning" }))));
  const rows = make("tbody");
  for (const [name, own] of Object.entries(schema.properties)) {
    const inner = depth < 3 ? fields(own, depth + 1) : null;
    const choices = own.anyOf || [];
    const about = own.description || (choices.find((each) => each.description) || {}).description || "";
    const meaning = make("td", {}, about);
    if (inner) meaning.append(make("details", {}, make("summary", { textContent: "its fields" }), inner));
    rows.append(make("tr", {}, make("td", { textContent: name + (required.has(name) ? " *" : "") }), make("td", { textContent: typeText(own) }), meaning));
  }
  table.append(rows);
  return table;
}

function shown(text) {
  try { return JSON.stringify(JSON.parse(text), null, 2); } catch { return text; }
}

function curlText(method, url, body, level) {
  const parts = ["curl -s" + (method === "GET" ? "" : " -X " + method) + " '" + location.origin + url + "'"];
  if (page.token) parts.push("-H \"Authorization: Bearer $TIDEGATE_TOKEN\"");
  if (body !== null) parts.push("-H 'Content-Type: application/json'", "-d '" + body.replaceAll("'", "'\\''") + "'");
  return parts.join(" \\\n  ");
}

function tryForm(method, path, operation) {
  const inputs = operation.parameters.map((parameter) => {
    const schema = parameter.schema;
    const first = (schema.examples || [])[0];
    const input = make("input", { type: "text", value: parameter.in === "path" && first !== undefined ? String(first) : "", placeholder: typeText(schema), spellcheck: false });
    return { parameter, input, label: make("label", {}, parameter.name + (parameter.required ? " * " : " "), input) };
  });
  const media = operation.requestBody ? operation.requestBody.content["application/json"] : null;
  const examples = media ? Object.entries(media.examples || {}) : [];
  const text = media ? make("textarea", { spellcheck: false, "aria-label": "Request body", value: examples.length ? JSON.stringify(examples[0][1].value, null, 2) : "{}" }) : null;
  const pick = examples.length > 1 ? make("select", { "aria-label": "Example", onchange: () => { text.value = JSON.stringify(examples[pick.selectedIndex][1].value, null, 2); } }, ...examples.map(([, each]) => make("option", { textContent: each.summary }))) : null;
  const status = make("span", { role: "status" });
  const curl = make("pre", { hidden: true });
  const answer = make("pre", { hidden: true });
  const button = make("button", { type: "submit", class: "send", textContent: "Send" });
  async function send(event) {
    event.preventDefault();
    let url = path;
    const query = new URLSearchParams();
    const headers = {};
    for (const { parameter, input } of inputs) {
      if (parameter.in === "path") url = url.replace("{" + parameter.name + "}", encodeURIComponent(input.value));
      else if (input.value && parameter.in === "query") query.set(parameter.name, input.value);
      else if (input.value) headers[parameter.name] = input.value;
    }
    if ([...query].length) url += "?" + query;
    if (page.token) headers["Authorization"] = "Bearer " + page.token;
    if (text) headers["Content-Type"] = "application/json";
    curl.textContent = curlText(method, url, text ? text.value : null);
    curl.hidden = false;
    button.disabled = true;
    const began = performance.now();
    try {
      const reply = await fetch(url, { method, headers, body: text ? text.value : undefined, credentials: "omit", redirect: "error" });
      const body = await reply.text();
      status.className = reply.ok ? "good" : "bad";
      status.textContent = reply.status + " in " + (performance.now() - began).toFixed(0) + " ms" + (reply.headers.get("Idempotent-Replayed") ? ", replayed" : "");
      answer.textContent = shown(body) || "(no body)";
    } catch (trouble) {
      status.className = "bad";
      status.textContent = "no answer";
      answer.textContent = String(trouble);
    }
    answer.hidden = false;
    button.disabled = false;
  }
  return make("form", { onsubmit: send, autocomplete: "off" }, make("h3", { textContent: "Try it" }), make("div", { class: "row" }, ...inputs.map((each) => each.label)), pick ? make("div", { class: "row" }, make("label", {}, "Example ", pick)) : null, text, make("div", { class: "row" }, button, status), curl, answer);
}

function schemaOf(content) {
  const media = content && content["application/json"];
  return media ? media.schema : null;
}

function card(method, path, operation) {
  const body = make("div");
  const details = make("details", {}, make("summary", {}, make("span", { class: "method " + method.toLowerCase(), textContent: method }), make("span", { class: "path", textContent: path }), make("h2", { textContent: operation.summary }), make("span", { class: "level", textContent: operation["x-level"] })), body);
  details.addEventListener("toggle", () => {
    if (!details.open || body.firstChild) return;
    for (const paragraph of (operation.description || "").split("\n\n")) body.append(make("p", { textContent: paragraph }));
    const asked = operation.requestBody ? fields(schemaOf(operation.requestBody.content), 0) : null;
    if (asked) body.append(make("h3", { textContent: "Body (* required)" }), asked);
    body.append(tryForm(method, path, operation));
    const good = fields(schemaOf(operation.responses["200"].content), 0);
    if (good) body.append(make("details", {}, make("summary", { textContent: "The 200 answer" }), good));
    const statuses = make("tbody");
    for (const [code, reply] of Object.entries(operation.responses)) if (code !== "200") statuses.append(make("tr", {}, make("td", { textContent: code }), make("td", { textContent: reply.description })));
    body.append(make("details", {}, make("summary", { textContent: "Errors" }), make("table", {}, statuses)));
  });
  const article = make("article", { id: operation.operationId }, details);
  article.dataset.words = (method + " " + path + " " + operation.summary + " " + operation.description).toLowerCase();
  return article;
}

function filtered() {
  const wanted = document.getElementById("filter").value.trim().toLowerCase();
  for (const article of document.querySelectorAll("article")) {
    const hidden = wanted !== "" && !article.dataset.words.includes(wanted);
    article.hidden = hidden;
    document.getElementById("link-" + article.id).hidden = hidden;
  }
  for (const group of document.querySelectorAll("nav section")) group.hidden = !group.querySelector("a:not([hidden])");
  document.getElementById("none").hidden = document.querySelector("article:not([hidden])") !== null;
}

function draw(described) {
  page.schemas = described.components.schemas;
  document.getElementById("version").textContent = described.info.version;
  document.getElementById("about").textContent = described.info.description.replaceAll("`", "");
  const main = document.getElementById("operations");
  const index = document.getElementById("index");
  let tag = "";
  let group = index;
  for (const [path, operations] of Object.entries(described.paths)) {
    for (const [method, operation] of Object.entries(operations)) {
      if (operation.tags[0] !== tag) {
        tag = operation.tags[0];
        group = make("section", {}, make("h2", { textContent: tag }));
        index.append(group);
      }
      const open = () => { document.getElementById(operation.operationId).querySelector("details").open = true; };
      group.append(make("a", { id: "link-" + operation.operationId, href: "#" + operation.operationId, textContent: path, title: operation.summary, onclick: open }));
      main.append(card(method.toUpperCase(), path, operation));
    }
  }
  const named = location.hash ? document.getElementById(location.hash.slice(1)) : null;
  if (named) { named.querySelector("details").open = true; named.scrollIntoView(); }
}

async function start() {
  document.getElementById("settings").addEventListener("submit", (event) => event.preventDefault());
  document.getElementById("token").addEventListener("input", (event) => { page.token = event.target.value.trim(); });
  document.getElementById("filter").addEventListener("input", filtered);
  document.getElementById("theme").addEventListener("click", () => {
    const root = document.documentElement;
    const dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
    root.dataset.theme = dark ? "light" : "dark";
  });
  try {
    const reply = await fetch("/openapi.json", { credentials: "omit" });
    const described = await reply.json();
    if (!reply.ok) throw new Error(described.detail.reason);
    draw(described);
  } catch (trouble) {
    const said = document.getElementById("trouble");
    said.textContent = "The document could not be loaded: " + trouble.message;
    said.hidden = false;
  }
}

start();
