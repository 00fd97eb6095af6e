// Listens to the stream and, after a break, goes on where it stopped. Usage: node listen.mjs [URL] [COUNT]
// Node 22 or later (it has WebSocket built in). Prints one line for each journaled event, each exactly once; ends after COUNT of them.

const base = process.argv[2] ?? "http://localhost:8000";
const count = Number(process.argv[3] ?? Infinity);
let last; // seq of the last record heard
let heard = new Set(); // what that record has said: one may speak twice, as fill and as trade_completed
let printed = 0;
let pauseMs = 250;

function listen() {
  const since = last === undefined ? "" : `?since=${last}`;
  const stream = new WebSocket(`${base.replace("http", "ws")}/ws/dashboard${since}`);
  stream.onmessage = ({ data }) => {
    pauseMs = 250;
    take(JSON.parse(data), stream);
  };
  stream.onclose = ({ code, reason }) => {
    if (printed >= count) return;
    if (code === 1008 || code === 4401) throw new Error(`the server will not go on: ${reason}`);
    setTimeout(listen, pauseMs * (0.5 + Math.random() / 2));
    pauseMs = Math.min(pauseMs * 2, 10_000);
  };
  stream.onerror = () => {}; // onclose follows
}

function take({ event, seq, data }, stream) {
  if (event === "connected") console.log(`connected: ${data.status}`);
  if (seq === undefined || seq === null) return; // not from the journal: stats, ticks, untrusted updates
  if (last !== undefined && (seq < last || (seq === last && heard.has(event)))) return;
  if (seq !== last) heard = new Set();
  heard.add(event);
  last = seq;
  console.log(`${seq} ${event} ${data.decision_id ?? data.change ?? data.channel ?? ""} ${data.verdict ?? data.state ?? data.exit_label ?? ""}`);
  if (++printed >= count) stream.close();
}

listen();
