// Draws what /events says; every word comes from the page's table of texts.
import "/static/twin.js";

const given = JSON.parse(document.getElementById("given").textContent);
const DEAD_MS = 3500; // the server speaks at least once a second
const SAID_MS = 8000;
const LONG = 44; // characters of a fault, from which on it is written smaller
const find = (selector, within = document) => within.querySelector(selector);
const twin = find("pad-twin");
let heard = performance.now();
let said = null; // the last snapshot
let heat = false; // show differences in place of findings
let chosen = null; // sequence of the reject whose twin is shown; null: the newest

function text(key, about = {}) {
  const words = given.texts[key] ?? key;
  return words.replace(/\{(\w+)\}/g, (_, name) => about[name] ?? "");
}
const nodeName = (name) => given.texts[`node.${name}`] ?? name;
const write = (element, words) => { if (element.textContent !== words) element.textContent = words; };
function fill(list, rows, make) { // children are made anew only when what they show has changed
  const key = JSON.stringify(rows);
  if (list.dataset.key === key) return;
  list.dataset.key = key;
  list.replaceChildren(...rows.map(make));
}
function element(tag, words = "", name = "") {
  const made = document.createElement(tag);
  made.textContent = words;
  if (name) made.className = name;
  return made;
}

// Pictures: the next one is fetched when the last has come, so a slow tablet slows nobody.
function show(figure, number) {
  const image = find("img", figure);
  if (number === undefined || number === null) { image.hidden = true; image.dataset.number = ""; return; }
  if (image.dataset.number === String(number) || image.dataset.busy) return;
  image.dataset.busy = "yes";
  const next = new Image();
  next.onload = () => { delete image.dataset.busy; image.dataset.number = number; image.src = next.src; image.hidden = false; };
  next.onerror = () => { delete image.dataset.busy; };
  next.src = `/picture/${number}`;
}

function drawFaults(faults) {
  const bar = find("#faults"), first = faults[0];
  const words = (fault) => text(fault.text, { ...fault.about, node: nodeName(fault.about.node) });
  const shown = first ? words(first) : text("calm");
  bar.className = (first ? first.level : "calm") + (shown.length > LONG ? " long" : "");
  write(find("strong", bar), shown);
  write(find(".more", bar), faults.length > 1 ? text("fault.more", { count: faults.length - 1 }) : "");
  bar.title = faults.map(words).join("\n");
}

function drawVerdict(part, enabled) {
  const box = find("#verdict");
  if (!part) return;
  const kind = part.reject ? "reject" : "good";
  box.className = enabled ? kind : `${kind} off`;
  write(find(".word", box), text(`verdict.${kind}`));
  write(find("b", box), part.part);
  const bad = part.views.filter((view) => view.state !== "good").length;
  write(find(".views", box), part.views.length ? text("verdict.views", { bad, count: part.count }) : text("verdict.without_views"));
  const why = part.unjudged.length
    ? text("verdict.unjudged", { statuses: part.unjudged.map((s) => text(`status.${s}`)).join(", ") })
    : kinds(part);
  write(find(".why", box), [part.reject ? why : "", part.at ? text("verdict.at", { time: part.at }) : text("verdict.earlier")].filter(Boolean).join(" · "));
}
const kinds = (part) => Object.keys(part.kinds).map((kind) => text(`kind.${kind}`)).join(", ");

function drawCurrent(part) {
  if (!part) return;
  const box = find("#current");
  write(find("b", box), part.part);
  const of = new Map(part.views.map((view) => [view.index, view.state]));
  const count = Math.min(Math.max(part.count, ...of.keys()), 16);
  fill(find("ol", box), Array.from({ length: count }, (_, index) => [index, of.get(index) ?? "waiting"]), ([index, state]) => {
    const dot = element("li", "", state);
    dot.title = text(`view.${state}`, { index });
    dot.setAttribute("aria-label", dot.title);
    return dot;
  });
}

function drawCounters({ parts, rejected }) {
  write(find("#parts"), String(parts));
  write(find("#rejected"), String(rejected));
  const share = (100 * rejected) / parts;
  write(find("#share"), parts ? `${share.toFixed(parts < 1000 || share >= 10 ? 0 : 1)}\u202f%` : "–");
}

function drawRejects(rejects) {
  fill(find("#rejects ol"), rejects.map((part) => [part.sequence, part.part, kinds(part), part.unjudged, part.at, part.picture]), (row) => {
    const [sequence, name, why, unjudged, at, picture] = row;
    const item = element("li"), button = element("button");
    button.type = "button";
    button.dataset.sequence = sequence;
    button.setAttribute("aria-label", text("rejects.show", { part: name }));
    const image = element("img");
    image.alt = "";
    image.hidden = !picture;
    if (picture) image.src = `/picture/${picture}`;
    const words = element("div");
    words.append(element("span", name.replaceAll("_", "_\u200b"), "name"), element("span", why || unjudged.map((s) => text(`status.${s}`)).join(", "), "kinds"), element("span", at ?? "", "at"));
    button.append(image, words);
    button.onclick = () => { chosen = sequence; drawTwin(said); };
    item.append(button);
    return item;
  });
}

function drawTwin(now) {
  const part = now.rejects.find((reject) => reject.sequence === chosen) ?? now.rejects[0];
  if (!part || part.sequence !== chosen) chosen = null;
  for (const button of document.querySelectorAll("#rejects button")) {
    button.setAttribute("aria-pressed", String(Number(button.dataset.sequence) === part?.sequence));
  }
  const key = part ? (part.twin ? "twin.of" : "twin.no_evidence") : "twin";
  write(find("#twin-title"), text(key, { part: part?.part }));
  twin.setAttribute("aria-label", text(key, { part: part?.part }));
  twin.show(now.checksum, part?.twin ? part.sequence : null, part?.views.length ?? 0, { none: text("twin.none"), unable: text("twin.unable") });
}

function drawOperation(change) {
  const box = find("#change"), key = JSON.stringify(change), first = box.dataset.key === undefined;
  if (box.dataset.key === key) return;
  box.dataset.key = key;
  if (!change.state) return;
  write(find("h2", box), text("change.running", { product: change.product }));
  fill(find("ol", box), change.steps, (step) => {
    const item = element("li", given.texts[`change.${step.name}`] ?? nodeName(step.name), step.state);
    item.append(element("span", text(`step.${step.state}`)));
    if (step.message) item.append(element("small", step.message));
    return item;
  });
  const over = { running: "", done: text("done.change", change), failed: text("failed.change") };
  write(find("p", box), over[change.state]);
  find("button", box).disabled = change.state === "running";
  if (!box.open && (change.state === "running" || !first)) box.showModal(); // one that was over before is no news
}

function draw(now) {
  said = now;
  write(find("#product"), now.product || text("title"));
  write(find("#station"), now.station);
  write(find("#clock"), now.time);
  fill(find("#nodes"), now.nodes, (node) => {
    const item = element("li", nodeName(node.name), node.state);
    item.title = `${text(`state.${node.state}`)}: ${node.message}`;
    item.setAttribute("aria-label", `${nodeName(node.name)}: ${text(`state.${node.state}`)}`);
    return item;
  });
  drawFaults(now.faults);
  drawVerdict(now.verdict, now.enabled);
  drawCurrent(now.current);
  drawCounters(now.counters);
  for (const figure of document.querySelectorAll("figure")) {
    const kind = figure.dataset.kind;
    show(figure, now.pictures[kind === "overlay" && heat ? "heat" : kind]);
  }
  drawRejects(now.rejects);
  drawTwin(now);
  drawOperation(now.operation);
  const stop = find("[data-press=disable], [data-press=enable]");
  stop.dataset.press = now.enabled ? "disable" : "enable";
  write(stop, text(`button.${stop.dataset.press}`));
}

// Buttons.
async function ask(button) {
  const box = find("#ask");
  write(find("p", box), text(`ask.${button}`));
  const products = button === "change" ? given.products : [], yes = find(".yes", box);
  yes.disabled = products.length > 0; // none is chosen yet
  find(".choice", box).replaceChildren(...products.map((product) => {
    const label = element("label"), radio = element("input");
    Object.assign(radio, { type: "radio", name: "product", value: product, onchange: () => { yes.disabled = false; } });
    label.append(radio, product);
    return label;
  }));
  box.returnValue = "no";
  box.showModal();
  await new Promise((done) => box.addEventListener("close", done, { once: true }));
  if (box.returnValue !== "yes") return null;
  return { product: find("input:checked", box)?.value };
}
async function press(button) {
  const body = `ask.${button}` in given.texts ? await ask(button) : {};
  if (!body) return;
  let answer;
  try {
    const response = await fetch(`/press/${button}`, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) });
    answer = response.ok ? await response.json() : { success: false, message: await response.text() };
  } catch {
    answer = { success: false, message: text("failed.unreached") };
  }
  if (button === "change" && find("#change").open) return; // it says all of it
  const output = find("#said");
  output.className = answer.success ? "" : "failed";
  output.textContent = answer.success ? text(`done.${button}`, body) : text("failed.press", answer);
  clearTimeout(output.timer);
  output.timer = setTimeout(() => { output.textContent = ""; }, SAID_MS);
}
for (const button of document.querySelectorAll("[data-press]")) button.onclick = () => press(button.dataset.press);
find("[data-press=change]").hidden = given.products.length === 0;
find("#switch").onclick = () => {
  heat = !heat;
  write(find("#switch span"), text(heat ? "picture.heat" : "picture.overlay"));
  if (said) draw(said);
};
find("#other").href = `?language=${given.other}`;

// The connection. A page that hears nothing must not look fine.
let stream = null;
function connect() {
  stream = new EventSource("/events");
  stream.onmessage = (event) => { heard = performance.now(); find("#dead").hidden = true; draw(JSON.parse(event.data)); };
}
setInterval(() => {
  if (performance.now() - heard < DEAD_MS) return;
  for (const box of document.querySelectorAll("dialog[open]")) box.close();
  find("#dead").hidden = false;
}, 500);
setInterval(async () => {
  if (stream.readyState !== EventSource.CLOSED) return;
  try { // the browser has given up: the server refused, perhaps because a session is over
    const response = await fetch("/", { redirect: "manual" });
    if (response.type === "opaqueredirect") location.href = "/login";
    else if (response.ok) connect();
  } catch { /* not there yet */ }
}, 3000);
connect();
