// The page: what the controls do.

import { Network } from "./network.js";
import * as photos from "./photo.js";
import * as picture from "./picture.js";
import { showStyles } from "./styles.js";

const element = (id) => document.getElementById(id);
const network = new Network();
let entries = [];
let styles = null;
let ready = false;
let photo = null;
let photoName = "webcam";
let result = null;
let running = false;
let askedAgain = false;

await start();

async function start() {
  element("network").addEventListener("change", loadNetwork);
  element("file").addEventListener("change", ({ target }) => {
    openFile(target.files[0]);
    // So that the same file can be chosen again.
    target.value = "";
  });
  addDropping(document.body);
  element("webcam").addEventListener("click", toggleWebcam);
  element("strength").addEventListener("input", show);
  element("compare").addEventListener("input", show);
  element("download").addEventListener("click", download);
  try {
    const response = await fetch("networks.json");
    if (!response.ok) throw new Error(response.statusText);
    entries = await response.json();
  } catch {
    return fail("networks.json cannot be read. Build this page with build.py.");
  }
  element("network").replaceChildren(...entries.map(toOption));
  await loadNetwork();
}

function toOption({ name, bytes }, index) {
  return new Option(`${name} (${(bytes / 1e6).toFixed(1)} MB)`, index);
}

async function loadNetwork() {
  const entry = entries[element("network").value];
  ready = false;
  say(`Loading ${entry.name}…`);
  try {
    const query = new URLSearchParams(location.search);
    await network.load(entry.file, query.get("accelerator"));
  } catch (error) {
    return fail(`${entry.name} cannot be loaded. ${error.message}`);
  }
  // A slower one that was asked for first.
  if (entry !== entries[element("network").value]) return;
  ready = true;
  const { width, height } = network.size;
  const place = network.accelerator === "webgpu" ? "the GPU" : "the processor";
  element("size").textContent =
    `Works at ${width} × ${height} pixels, on ${place}: photos are scaled to ` +
    "fit, keeping their shape, and so is the result" +
    (network.factor > 1 ? `, times ${network.factor}.` : ".");
  element("styles").hidden = network.numStyles < 2;
  const names = Array.from(
    { length: network.numStyles },
    (_, index) => entry.style_names[index] ?? `Style ${index + 1}`,
  );
  styles = showStyles(element("style-list"), names, transform);
  say(photo ? "" : "Ready. Choose a photo.");
  await transform();
}

function addDropping(target) {
  target.addEventListener("dragover", (event) => {
    event.preventDefault();
    target.classList.add("dropping");
  });
  for (const name of ["dragleave", "drop"]) {
    target.addEventListener(name, () => target.classList.remove("dropping"));
  }
  target.addEventListener("drop", (event) => {
    event.preventDefault();
    openFile(event.dataTransfer.files[0]);
  });
}

async function openFile(file) {
  if (!file) return;
  stopWebcam();
  say(`Opening ${file.name}…`);
  try {
    photo = await photos.readFile(file);
  } catch (error) {
    return fail(error.message);
  }
  photoName = file.name.replace(/\.[^.]*$/, "");
  await transform();
}

async function toggleWebcam() {
  const video = element("video");
  if (video.srcObject) return stopWebcam();
  try {
    await photos.startWebcam(video);
  } catch (error) {
    photos.stopWebcam(video);
    return fail(error.message);
  }
  element("webcam").textContent = "Keep picture";
  photoName = "webcam";
  while (video.srcObject) {
    photo = photos.readFrame(video);
    await transform();
    // A hidden page gets no frames, and takes no power.
    await new Promise((resolve) => requestAnimationFrame(resolve));
  }
  await transform();
}

function stopWebcam() {
  photos.stopWebcam(element("video"));
  element("webcam").textContent = "Use webcam";
}

/** Transforms the photo; asked while it runs, it runs once more after. */
async function transform() {
  if (!photo || !ready) return;
  if (running) {
    askedAgain = true;
    return;
  }
  running = true;
  try {
    do {
      askedAgain = false;
      await transformOnce();
    } while (askedAgain && ready);
  } catch (error) {
    fail(`The picture could not be transformed. ${error.message}`);
  } finally {
    running = false;
  }
}

async function transformOnce() {
  const shares = picture.normalizedShares(styles.shares());
  if (!shares) return fail("Give at least one style a share.");
  const live = Boolean(element("video").srcObject);
  // Not per frame: a screen reader reads each change aloud.
  say(live ? "Live from the webcam." : "Transforming…");
  const start = performance.now();
  result = await network.transform(photo, shares);
  const milliseconds = Math.round(performance.now() - start);
  const { width, height } = result.after;
  if (!live) say(`${width} × ${height} pixels, made in ${milliseconds} ms.`);
  show();
}

/** Shows the result: mixed with the photo, and the photo left of a line. */
function show() {
  const strength = element("strength").valueAsNumber;
  element("strength-value").textContent = `${strength} %`;
  if (!result) return;
  const mixed = picture.blend(result.before, result.after, strength / 100);
  const canvas = element("result");
  canvas.width = mixed.width;
  canvas.height = mixed.height;
  const context = canvas.getContext("2d");
  context.putImageData(toImageData(mixed), 0, 0);
  const share = element("compare").valueAsNumber / 100;
  const line = Math.round(mixed.width * share);
  if (line > 0) {
    const before = toImageData(result.before);
    context.putImageData(before, 0, 0, 0, 0, line, mixed.height);
    context.fillStyle = "white";
    if (line < mixed.width) context.fillRect(line - 1, 0, 2, mixed.height);
  }
  element("stage").classList.add("filled");
  for (const id of ["strength", "compare", "download"]) {
    element(id).disabled = false;
  }
}

function toImageData({ data, width, height }) {
  return new ImageData(data, width, height);
}

/** Saves what is shown, without the line and the photo left of it. */
async function download() {
  const share = element("strength").valueAsNumber / 100;
  const mixed = picture.blend(result.before, result.after, share);
  const canvas = document.createElement("canvas");
  canvas.width = mixed.width;
  canvas.height = mixed.height;
  canvas.getContext("2d").putImageData(toImageData(mixed), 0, 0);
  const blob = await new Promise((resolve) => canvas.toBlob(resolve));
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  const { name } = entries[element("network").value];
  link.download = `${photoName}_${name}.png`;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}

function say(text) {
  if (element("status").textContent !== text) {
    element("status").textContent = text;
  }
  element("error").textContent = "";
}

function fail(text) {
  element("status").textContent = "";
  element("error").textContent = text;
}
