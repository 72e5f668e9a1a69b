// An exported network, which takes pictures of one size, made to take any:
// each is fitted into that size and the result cut out again.

import * as picture from "./picture.js";

export class Network {
  #worker = null;
  #pending = new Map();
  #nextId = 0;
  #details = null;

  /** Loads a TFLite file; `accelerator` "wasm" keeps it off the GPU. */
  async load(url, accelerator) {
    this.#details = null;
    const request = { url: new URL(url, document.baseURI).href, accelerator };
    const details = await this.#ask("load", request);
    checkDetails(details);
    this.#details = details;
  }

  /** {height, width} of the pictures that the network itself takes. */
  get size() {
    const [, height, width] = this.#details.inputs.image.shape;
    return { height, width };
  }

  /** How many times higher and wider than its input a result is. */
  get factor() {
    return this.#details.outputs.transformed.shape[1] / this.size.height;
  }

  get numStyles() {
    return this.#details.inputs.style_blend?.shape[1] ?? 1;
  }

  get accelerator() {
    return this.#details.accelerator;
  }

  /**
   * Transforms a picture.
   *
   * @param {number[]} shares One per style, summing to 1.
   * @returns {{before, after}} Two pictures of one size: what the network got
   *     to see (enlarged, if it enlarges), and what it made of that.
   */
  async transform(photo, shares) {
    const { height, width } = this.size;
    const { factor } = this;
    const place = picture.fit(
      photo.width,
      photo.height,
      width,
      height,
      // To super-resolve what was only just enlarged makes no sense.
      factor === 1,
    );
    const small = picture.resize(photo, place.width, place.height);
    const { left, top } = place;
    const framed = picture.padByReflection(small, width, height, left, top);
    const request = { image: picture.toValues(framed) };
    if (this.numStyles > 1) request.style_blend = shares;
    const { transformed } = await this.#ask("run", request);
    const whole = picture.fromValues(
      transformed,
      width * factor,
      height * factor,
    );
    const after = picture.crop(
      whole,
      left * factor,
      top * factor,
      place.width * factor,
      place.height * factor,
    );
    return { before: picture.resize(small, after.width, after.height), after };
  }

  #ask(action, request) {
    this.#worker ??= this.#start();
    return new Promise((resolve, reject) => {
      const id = this.#nextId++;
      this.#pending.set(id, { resolve, reject });
      this.#worker.postMessage({ id, action, request });
    });
  }

  #start() {
    // A worker that is loaded from a server does not obey the page's content
    // security policy; one from a blob: address does.
    const address = new URL("network_worker.js", import.meta.url).href;
    const program = new Blob([`importScripts(${JSON.stringify(address)});`]);
    const worker = new Worker(URL.createObjectURL(program));
    worker.postMessage(new URL("litert/", address).href);
    worker.onmessage = ({ data: { id, result, error } }) => {
      const { resolve, reject } = this.#pending.get(id);
      this.#pending.delete(id);
      if (error === undefined) resolve(result);
      else reject(new Error(error));
    };
    worker.onerror = ({ message }) => {
      for (const { reject } of this.#pending.values()) {
        reject(new Error(message ?? "The worker did not start."));
      }
      this.#pending.clear();
    };
    return worker;
  }
}

function checkDetails({ inputs, outputs }) {
  const { image } = inputs;
  const { transformed } = outputs;
  if (image?.shape.length !== 4 || transformed?.shape.length !== 4) {
    throw new Error("This file was not written by fastnst.export.");
  }
  if (image.shape.some((size) => size < 0) || image.shape[1] === 1) {
    throw new Error(
      "This file is for pictures of any size, which LiteRT.js does not run. " +
        "Export one with a size, such as --tflite_size=512x512.",
    );
  }
}
