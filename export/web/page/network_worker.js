// Runs a TFLite file with LiteRT.js, off the page's thread: one run takes up
// to seconds on a slow machine, and the page must go on answering.
//
// A classic worker, because LiteRT.js loads its WebAssembly with
// importScripts, which a module worker does not have.
"use strict";

let base = null;
let runtime = null;
let network = null;
let queue = Promise.resolve();

self.onmessage = ({ data }) => {
  // First of all comes where LiteRT.js is: a blob has no folder.
  if (base === null) {
    base = data;
    runtime = start();
    return;
  }
  // One after the other: a network must not be exchanged while it runs.
  queue = queue.then(() => answer(data));
};

async function answer({ id, action, request }) {
  try {
    const result = await (action === "load" ? load(request) : run(request));
    self.postMessage({ id, result });
  } catch (error) {
    self.postMessage({ id, error: String(error?.message ?? error) });
  }
}

async function start() {
  const litert = await import(`${base}core.js`);
  // It looks beside the worker otherwise.
  self.Module = { locateFile: (name) => `${base}wasm/${name}` };
  await litert.loadLiteRt(`${base}wasm/`);
  return litert;
}

async function load({ url, accelerator }) {
  const litert = await runtime;
  const response = await fetch(url);
  if (!response.ok) throw new Error(`${url}: ${response.statusText}`);
  const file = new Uint8Array(await response.arrayBuffer());
  network?.model.delete();
  network = null;
  const model = await compile(litert, file, accelerator);
  network = { file, model };
  const inputs = detailsByName(model.getInputDetails());
  const outputs = detailsByName(model.getOutputDetails());
  return { inputs, outputs, accelerator: model.options.accelerator };
}

async function compile(litert, file, accelerator) {
  if (accelerator !== "wasm" && litert.getWebGpuDevice()) {
    try {
      // Sums over a whole picture do not fit half precision.
      const gpuOptions = { precision: "fp32" };
      const options = { accelerator: "webgpu", gpuOptions };
      const model = await litert.loadAndCompile(file, options);
      if (model.isFullyAccelerated) return model;
      model.delete();
    } catch (error) {
      console.warn("The GPU does not take this network:", error);
    }
  }
  return litert.loadAndCompile(file, { accelerator: "wasm" });
}

/** Runs the network on {name: values}; returns {name: values}. */
async function run(values) {
  const litert = await runtime;
  try {
    return await runModel(litert, values);
  } catch (error) {
    if (network.model.options.accelerator === "wasm") throw error;
    console.warn("The GPU failed, the processor goes on:", error);
    network.model.delete();
    network.model = await compile(litert, network.file, "wasm");
    return runModel(litert, values);
  }
}

async function runModel(litert, values) {
  const tensors = {};
  let outputs = {};
  try {
    for (const { name, dtype, shape } of network.model.getInputDetails()) {
      const Values = dtype === "uint8" ? Uint8Array : Float32Array;
      tensors[name] = new litert.Tensor(Values.from(values[name]), shape);
    }
    outputs = await network.model.run(tensors);
    const results = {};
    for (const [name, tensor] of Object.entries(outputs)) {
      results[name] = await tensor.data();
    }
    return results;
  } finally {
    // Tensors are WebAssembly or GPU memory, which nothing else frees.
    for (const tensor of Object.values({ ...tensors, ...outputs })) {
      tensor.delete();
    }
  }
}

function detailsByName(details) {
  return Object.fromEntries(
    details.map(({ name, dtype, shape }) => [
      name,
      { dtype, shape: Array.from(shape) },
    ]),
  );
}
