// The page: what is shown when, and what the buttons do.

const root = element.querySelector(".sl");
const $ = (selector) => root.querySelector(selector);
const stage = new Stage($(".sl-stage"), plan);
stage.onfailed = tell;
stage.onrefused = (text) => ($(".sl-plan").textContent = text);
const overlay = new Player($("[data-player=overlay]"));
const reframed = new Player($("[data-player=reframe]"));
const tables = new Tables($(".sl-tables"), (frame) => {
  stage.show(frame).catch(tell);
  stage.view.scrollIntoView({ block: "center", behavior: "smooth" });
});
stage.onseen = (seen) => tables.mark(seen.frame);
let arrived = null;
let hello = null;
let media = null;
let film = null;
let table = null;
let polling = null;

function tell(error) {
  if (error === null) return;
  if (!(error instanceof Told)) console.error(error);
  const alert = $(".sl-alert");
  alert.querySelector("p").textContent = error instanceof Told ? error.message : "Something went wrong on this page.";
  alert.hidden = false;
  alert.scrollIntoView({ block: "nearest" });
}
const quiet = () => ($(".sl-alert").hidden = true);
const doing = (work) => (event) => {
  event?.preventDefault?.();
  quiet();
  return arrived.then(() => work(event)).catch(tell);
};

function chosen() {
  const name = $(".sl-models input:checked")?.value;
  return hello?.models.find((model) => model.name === name);
}

/** Says what Run will do, and what of the marks the model takes. */
function plan() {
  const model = chosen();
  if (!model || !media) return;
  const takes = (kind) => model.takes.includes(kind);
  stage.allow(model);
  const marks = stage.meant;
  const heads = takes("heads");
  const marking = takes("point") || takes("box") || heads;
  const hint = heads ? "Click on a face, or drag a box around it" : "Click on what to follow, or drag a box around it";
  $(".sl-hint").textContent = !marking || marks.length ? "" : hint;
  const count = new Set(marks.map((mark) => mark.number)).size;
  let text;
  if (heads && marks.length) text = count > 1 ? `Of the ${count} people that you marked alone.` : "Of the person that you marked alone.";
  else if (heads) text = "Nobody is marked: of everybody whose head is found.";
  else if (!marking) text = stage.marks.length ? "This one chooses by itself; your marks are not used." : "";
  else if (count > 1) text = `${count} objects are followed.`;
  else if (marks.length) text = "What you marked is followed.";
  else text = "Nothing is marked: what draws the eye most is followed.";
  if (table) text = takes("fixations") ? `With the fixations of ${table}.` : `${text} It takes no fixations; choose one that does.`;
  $(".sl-plan").textContent = text;
}

function showModels(models) {
  const place = $(".sl-models");
  models.forEach((model, number) => {
    const input = make("input", { type: "radio", name: "sl-model", value: model.name, onchange: plan });
    input.checked = number === 0;
    const facts = make("small", { title: model.paper }, make("code", {}, model.name), ` ${model.paper}`);
    place.append(make("label", {}, input, make("span", {}, make("b", {}, model.use), facts)));
  });
}

async function take(file, kind) {
  if (file.size > hello.limits.megabytes * 1e6) {
    throw new Told(`${file.name}: larger than ${hello.limits.megabytes} MB, the most that this page takes`);
  }
  const sending = $(".sl-sending");
  const bar = sending.querySelector(".sl-bar");
  sending.hidden = kind !== "media";
  root.dataset.state = kind === "media" ? "sending" : root.dataset.state;
  const upload = send(file, (share) => progress(bar, share));
  sending.querySelector("span").textContent = file.name;
  sending.querySelector("button").hidden = false;
  sending.querySelector("button").onclick = upload.abort;
  try {
    return { path: await upload.sent, name: file.name };
  } finally {
    sending.hidden = true;
    if (kind === "media") root.dataset.state = media ? "work" : "empty";
  }
}

function progress(bar, share) {
  const percent = share === null ? null : Math.round(100 * Math.min(1, share));
  bar.classList.toggle("sl-unsure", percent === null);
  bar.firstElementChild.style.width = percent === null ? "" : `${percent}%`;
  if (percent === null) bar.removeAttribute("aria-valuenow");
  else bar.setAttribute("aria-valuenow", percent);
}

async function opened(answer) {
  media = answer;
  film = table = null;
  stage.layers.clear();
  root.dataset.state = "work";
  $(".sl-empty").hidden = true;
  $(".sl-work").hidden = false;
  $(".sl-results").hidden = true;
  $(".sl-table-name").hidden = true;
  overlay.clear();
  reframed.clear();
  $(".sl-file strong").textContent = media.name;
  const facts = [`${media.width}×${media.height}`];
  if (media.kind === "video") facts.push(media.sound ? "with sound" : "no sound");
  if (media.kind === "video" && media.seconds !== null) facts.splice(1, 0, `${media.seconds.toFixed(1)} s`);
  $(".sl-about").textContent = facts.join(" · ");
  $(".sl-fixations").hidden = media.kind === "image" || !hello.models.some((model) => model.takes.includes("fixations"));
  await stage.open(media);
  plan();
  stage.view.focus({ preventScroll: true });
  poll();
}

/** Asks how things stand until nothing is left to wait for. */
async function poll() {
  clearTimeout(polling);
  let status;
  try {
    status = await call("status");
  } catch (error) {
    return tell(error);
  }
  const prepared = status.media;
  if (prepared && media) {
    stage.reach(prepared.ready ? prepared.frames : prepared.expected);
    film = prepared.film;
    if (prepared.error && !media.told) {
      media.told = true;
      tell(new Told(prepared.error));
    }
  }
  const job = status.job;
  const busy = job && (job.state === "waiting" || job.state === "running");
  show(job, busy);
  if (busy && document.activeElement === document.body) $("[data-do=stop]").focus({ preventScroll: true });
  if (job && !busy && waiting) {
    const settle = waiting;
    waiting = null;
    settle(job);
  }
  if (busy || (prepared && !prepared.ready && !prepared.error)) polling = setTimeout(poll, 300);
}

let waiting = null;

function show(job, busy) {
  $(".sl-progress").hidden = !busy;
  for (const button of root.querySelectorAll("[data-do=follow], [data-do=pack], .sl-form button")) button.disabled = !!busy;
  if (!busy) return;
  const text = $(".sl-progress span");
  const of = job.total ? ` ${Math.min(job.done, job.total)} of ${job.total}` : job.done ? ` ${job.done}` : "";
  const left = job.left_s === null ? "" : `, ${Math.ceil(job.left_s)} s left`;
  const said = job.state === "waiting" ? `In the queue, ${job.before} before you` : `${job.phase}${of}${left}`;
  if (text.textContent !== said) text.textContent = said;
  progress($(".sl-progress .sl-bar"), job.state === "running" && job.total ? job.done / job.total : null);
}

/** What a browser plays of the source; it may still be in the making. */
async function prepared() {
  while (!film && !media.told) await new Promise((resolve) => setTimeout(resolve, 200));
  return film;
}

/** Starts a run and resolves with its result. */
async function run(verb, ask) {
  const pressed = document.activeElement;
  await call(verb, ask);
  const place = { follow: ".sl-run", reframe: ".sl-reframe > .sl-form", pack: ".sl-results > .sl-row" }[verb];
  $(place).append($(".sl-progress"));
  const ended = new Promise((resolve) => (waiting = resolve));
  poll();
  const job = await ended;
  // A button that goes takes the focus with it; whoever uses the keyboard goes on where they were.
  if ([document.body, $("[data-do=stop]")].includes(document.activeElement)) pressed?.focus({ preventScroll: true });
  if (job.error && job.state !== "stopped") throw new Told(job.error);
  if (!job.result) throw null;
  if (job.result.error) tell(new Told(job.result.error));
  return job.result;
}

const isFilm = (path) => path.endsWith(".mp4") || media.kind === "video";

async function follow() {
  const model = chosen();
  const result = await run("follow", { model: model.name, marks: stage.meant });
  const source = await prepared();
  $(".sl-results").hidden = false;
  const sides = [["Source", source], [`What ${model.name} sees`, result.film]].filter(([, path]) => path);
  overlay.show(sides.map(([title, path]) => [title, addressOf(path), isFilm(path)]));
  $(".sl-told").textContent = `${result.frames} ${result.frames === 1 ? "frame" : "frames"} in ${result.seconds.toFixed(1)} s`;
  $(".sl-notes").replaceChildren(...result.notes.map((note) => make("li", {}, note)));
  await stage.offer(result.layers, hello.layers, result.off);
  await tables.show(result.tables);
  tables.mark(stage.frame);
  $(".sl-results").scrollIntoView({ block: "nearest", behavior: "smooth" });
}

async function reframe(event) {
  const form = new FormData(event.target);
  const model = chosen();
  const asked = { aspect: form.get("sl-aspect"), fit: form.get("fit"), zoom: Number(form.get("zoom")) };
  const result = await run("reframe", { model: model.name, marks: stage.meant, ...asked });
  const sides = [[`The crop on the source`, result.preview], [`${result.aspect}`, result.film]];
  reframed.show(sides.filter(([, path]) => path).map(([title, path]) => [title, addressOf(path), isFilm(path)]));
}

async function pack() {
  const result = await run("pack", {});
  const link = make("a", { href: addressOf(result.file), download: result.name, class: "sl-hidden" }, result.name);
  root.append(link);
  link.click();
  link.remove();
}

$(".sl-alert button").addEventListener("click", quiet);
$("[data-do=demo]").addEventListener("click", doing(async () => {
  const sending = $(".sl-sending");
  sending.querySelector("span").textContent = "Rendering the demo clip, once";
  sending.querySelector("button").hidden = true;
  progress(sending.querySelector(".sl-bar"), null);
  sending.hidden = false;
  root.dataset.state = "sending";
  try {
    await opened(await call("demo"));
  } finally {
    sending.hidden = true;
    root.dataset.state = media ? "work" : "empty";
  }
}));
$("[data-do=another]").addEventListener("click", () => {
  $(".sl-empty").hidden = false;
  $("[data-file=media]").focus();
  $(".sl-empty").scrollIntoView({ block: "start" });
});
$("[data-do=follow]").addEventListener("click", doing(follow));
$("[data-do=pack]").addEventListener("click", doing(pack));
$("[data-do=stop]").addEventListener("click", doing(() => call("stop")));
$(".sl-form").addEventListener("submit", doing(reframe));
$("[data-do=forget]").addEventListener("click", doing(async () => {
  await call("fixations");
  table = null;
  $(".sl-table-name").hidden = true;
  plan();
}));

const receive = {
  media: async (file) => opened(await call("open", await take(file, "media"))),
  fixations: async (file) => {
    table = (await call("fixations", await take(file, "fixations"))).table;
    $(".sl-table-name").hidden = false;
    $(".sl-table-name span").textContent = table;
    const able = hello.models.find((model) => model.takes.includes("fixations"));
    if (able && !chosen().takes.includes("fixations")) $(`.sl-models input[value="${able.name}"]`).checked = true;
    plan();
  },
};
for (const input of root.querySelectorAll("[data-file]")) {
  input.addEventListener("change", doing(async () => {
    const file = input.files[0];
    input.value = "";
    if (file) await receive[input.dataset.file](file);
  }));
}
const isTable = (file) => /\.(csv|tsv|txt|parquet)$/i.test(file.name);
for (const name of ["dragover", "dragleave", "drop"]) {
  window.addEventListener(name, (event) => {
    if (!event.dataTransfer?.types.includes("Files")) return;
    event.preventDefault();
    root.classList.toggle("sl-over", name === "dragover");
    const file = name === "drop" && event.dataTransfer.files[0];
    if (file) doing(() => receive[media && isTable(file) ? "fixations" : "media"](file))();
  });
}

/** The visit: nothing is done before it has begun. */
async function arrive() {
  hello = await call("hello");
  token = hello.token;
  stage.colours = hello.colours;
  showModels(hello.models);
  const { megabytes, seconds, minutes_kept: minutes } = hello.limits;
  const kept = minutes === 60 ? "an hour" : `${minutes} minutes`;
  $(".sl-fine").textContent = `Up to ${megabytes} MB and ${seconds} seconds. Only you see your files; they are removed after ${kept}.`;
  $(".sl-foot").textContent = `Sightline ${hello.version}`;
  root.dataset.state = "empty";
}
arrived = arrive();
arrived.catch(tell);
